/** Odoo routes whose path itself is a credential (addons/base_automation, hr_attendance, website_links, sms_twilio). */
export const secretPathPrefixes: readonly string[] = [
  '/web/hook/',
  '/hr_attendance/',
  '/r/',
  '/sms_twilio/status/',
];
