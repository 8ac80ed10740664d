/** The panel's own words. English comes with the panel; each other language is a small file, fetched where it is needed.
 * web/assets.py fills in the keys, the English words and the other languages. */
const KEYS = "__KEYS__";
const ENGLISH = "__ENGLISH__";
const LANGUAGES = "__LANGUAGES__";
export const BUILD = "__BUILD__";
const FORMS = ["zero", "one", "two", "few", "many", "other"];

export const directionOf = (language) => (language === "ar" ? "rtl" : "ltr");

/** The words of a language by key, and the language that they are in: English where a file cannot be had. */
export async function wordsFor(language, base) {
  const file = LANGUAGES.includes(language) && (await import(`${base}widget/words-${language}-${BUILD}.js`).catch(() => null));
  const lines = (file ? file.default : ENGLISH).split("\n");
  return { language: file ? language : "en", words: Object.fromEntries(KEYS.split(" ").map((key, i) => [key, lines[i]])) };
}

/** A text with its value. A count picks its form; a language with fewer forms than its grammar has repeats the last. */
export function fill(text, value, language) {
  const forms = text.split("|");
  const rules = forms[1] && new Intl.PluralRules(language);
  const known = rules && FORMS.filter((form) => rules.resolvedOptions().pluralCategories.includes(form));
  return (rules ? forms[Math.min(known.indexOf(rules.select(value)), forms.length - 1)] : text).replace("{}", value);
}

const locale = (language) => (language === "en" ? "en-GB" : language);

const sameDay = (a, b) => a.toDateString() === b.toDateString();

const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

/** "14:02" today, "23 Nov" this year, with the year before that. */
export function when(iso, language) {
  const date = new Date(iso);
  const today = new Date();
  const year = date.getFullYear() === today.getFullYear() ? {} : { year: "numeric" };
  const options = sameDay(date, today) ? CLOCK : { day: "numeric", month: "short", ...year };
  return date.toLocaleString(locale(language), options);
}

/** A time to come: "17:00" today, "Tue 09:00" within a week, "3 Mar" after that. */
export function coming(iso, language) {
  const date = new Date(iso);
  const today = new Date();
  const far = date - today > 6 * 864e5;
  const options = sameDay(date, today) ? CLOCK : far ? { day: "numeric", month: "short" } : { weekday: "short", ...CLOCK };
  return date.toLocaleString(locale(language), options);
}
