// hot path: every path that is logged passes here.

/**
 * Odoo routes whose path itself is a credential: who knows it may act (addons/base_automation, hr_attendance, website_links,
 * sms_twilio, survey, rating, mail, calendar). A website language in front is Odoo's to take off, so it changes nothing;
 * first without one, because in `/survey/r/5e3c` the name of one route stands behind that of another.
 */
const secretRoute =
  /^(?:\/[^/]*)??\/(?:web\/hook|hr_attendance|r|sms_twilio\/status|survey|rate|chat|meet|calendar|mail\/track)\//;

/** Cuts the part of a path that is a secret. */
export function publicPath(path: string): string {
  const route = secretRoute.exec(path);
  return route === null ? path : `${route[0]}[redacted]`;
}
