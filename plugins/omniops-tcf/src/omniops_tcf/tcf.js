/** Listens to the page's consent manager by IAB's `__tcfapi`, and passes on the string that it recorded. What the person
 * has not decided yet, and where the manager says that no consent law applies, is passed on as nothing: no yes. */
const WAIT = 500;
const TRIES = 60;

export default function watch(tell) {
  let left = TRIES;
  (function find() {
    if (typeof window.__tcfapi === "function") window.__tcfapi("addEventListener", 2, heard);
    else if (left--) setTimeout(find, WAIT);
    else console.warn("OmniOps: data-source is tcf, but there is no __tcfapi on this page. Nothing is allowed.");
  })();

  function heard(data, ok) {
    const decided = data?.eventStatus === "tcloaded" || data?.eventStatus === "useractioncomplete";
    if (ok && decided && data.gdprApplies !== false && data.tcString) tell(data.tcString);
  }
}
