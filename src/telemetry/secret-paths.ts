/**
 * Odoo routes whose path itself is a credential: who knows it may act (addons/base_automation, hr_attendance, website_links,
 * sms_twilio, survey, rating, mail, calendar).
 */
const secretPathPrefixes: readonly string[] = [
  '/web/hook/',
  '/hr_attendance/',
  '/r/',
  '/sms_twilio/status/',
  '/survey/',
  '/rate/',
  '/chat/',
  '/meet/',
  '/calendar/',
  '/mail/track/',
];

/** Cuts the part of a path that is a secret. A website language in front is Odoo's to take off, so it changes nothing. */
export function publicPath(path: string): string {
  // First without a language: in `/survey/r/5e3c` the name of one route stands behind that of another.
  return cutFrom(path, 0) ?? cutFrom(path, path.indexOf('/', 1)) ?? path;
}

function cutFrom(path: string, start: number): string | undefined {
  const prefix = secretPathPrefixes.find((one) => path.startsWith(one, start));
  return prefix === undefined ? undefined : `${path.slice(0, start)}${prefix}[redacted]`;
}
