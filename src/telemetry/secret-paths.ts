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
  const behindLanguage = path.indexOf('/', 1);
  for (const prefix of secretPathPrefixes) {
    if (path.startsWith(prefix)) return `${prefix}[redacted]`;
    if (path.startsWith(prefix, behindLanguage)) return `${path.slice(0, behindLanguage)}${prefix}[redacted]`;
  }
  return path;
}
