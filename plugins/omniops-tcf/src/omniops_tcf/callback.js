/** Lets the page say what its consent manager recorded: `omniopsConsent.tell({ analytics: true })`. What was said before
 * this file was here waits in `window.omniopsConsentSaid`. */
export default function watch(tell) {
  const say = (categories) => tell(JSON.stringify(categories));
  window.omniopsConsent.tell = say;
  if (window.omniopsConsentSaid) say(window.omniopsConsentSaid);
}
