"""The chat on any website: languages, colours, hostile pages, cards, page rules, hours, the website's own calls."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from omniops.contracts.cards import (
    Button,
    ButtonsCard,
    Field,
    FormCard,
    ListCard,
    ProductCard,
    Row,
    TextCard,
    Variant,
)
from omniops.contracts.provider import Done, Level, Shown, Text
from omniops.web.assets import LANGUAGES, _words
from playwright.sync_api import expect
from waiting import until

ANSWER = (Level("answer"), Text("It is rated for gusts up to 80 km/h when all eight guy lines are set."), Done("end"))
SHIFTS = (
    "window.shifts = []; new PerformanceObserver((list) => shifts.push(...list.getEntries().map((e) => e.value)))"
    ".observe({type: 'layout-shift', buffered: true})"
)
HEARD = (
    "window.heard = []; window.omniops = []; for (const name of ['ready', 'open', 'close', 'message:sent',"
    " 'message:received', 'handover', 'consent', 'error'])"
    " omniops.push(['on', name, (detail) => heard.push([name, detail || null])]);"
)


@pytest.fixture(scope="module")
def domain(stage):
    return stage.domain(suggestions=["Where is my order?", "Will the Ridge 2 hold up in strong wind?"])


def style(locator, name):
    return locator.evaluate("(element, name) => getComputedStyle(element)[name]", name)


def test_it_speaks_ten_languages_each_of_them_completely(stage, show, domain):
    chat = show(domain)
    for language in LANGUAGES:
        words = _words(language)
        chat.page.goto(stage.page(domain, lang=language))
        launcher = chat.part("button.launcher")
        expect(launcher).to_have_text(words["launcher"])
        chat.open()
        panel = chat.part(".panel")
        expect(panel).to_have_attribute("lang", language)
        expect(panel).to_have_attribute("dir", "rtl" if language == "ar" else "ltr")
        expect(chat.part(".composer .send").first).to_have_attribute("aria-label", words["send"])
        expect(chat.part(".suggestions li").last).to_have_text(words["askPersonInstead"])


def test_right_to_left_is_mirrored_and_accessible(show, domain):
    chat = show(domain, lang="ar", script=ANSWER, browser_options={"size": (390, 844)})
    chat.open()
    chat.part(".suggestions").wait_for()
    assert chat.violations() == []
    close, title = chat.part(".head button").last.bounding_box(), chat.part(".title").bounding_box()
    assert close["x"] < title["x"]
    chat.picture("rtl-open-390")
    chat.ask("Will it hold?")
    bubble = chat.part(".visitor .bubble").bounding_box()
    assert bubble["x"] < 60, "the visitor's own words stand at the end of the line, which is left here"
    assert chat.violations() == []
    chat.picture("rtl-answer-390")


def test_the_brand_tints_launcher_and_send_button_only(stage, show):
    chat = show(stage.domain(brand="#7a4018"))
    brown, white = "rgb(122, 64, 24)", "rgb(255, 255, 255)"
    launcher = chat.part("button.launcher")
    assert (style(launcher, "backgroundColor"), style(launcher, "color")) == (brown, white)
    chat.open()
    chat.part(".suggestions").wait_for()
    send = chat.part(".composer .send").first
    assert (style(send, "backgroundColor"), style(send, "color")) == (brown, white)
    assert style(chat.part(".disclosure .mark"), "fill") == "rgb(7, 102, 63)"
    assert chat.violations() == []
    chat.picture("brand-1440")
    green = show(stage.domain(brand="#0a7a3f"))
    assert style(green.part("button.launcher"), "backgroundColor") == "rgb(20, 32, 27)", "green is for evidence"


@pytest.mark.parametrize("mode", ["", "frame"], ids=["shadow", "frame"])
def test_a_hostile_page_cannot_deform_it_and_it_moves_nothing(show, domain, mode):
    calm = show(domain, mode=mode, browser_options={"before": SHIFTS})
    hostile = show(domain, hostile=True, mode=mode, browser_options={"before": SHIFTS})
    sizes = []
    for chat in (calm, hostile):
        launcher = chat.part("button.launcher")
        sizes.append([launcher.bounding_box(), style(launcher, "fontSize"), style(launcher, "fontFamily")])
        launcher.click()
        panel = chat.part("iframe.frame" if mode else ".panel")
        expect(panel).to_be_visible()
        sizes[-1] += [panel.bounding_box()]
        if not mode:
            sizes[-1] += [style(chat.part(".title"), "fontSize"), style(chat.part(".title"), "color")]
        assert chat.page.evaluate("shifts") == []
    assert sizes[0] == sizes[1]


def test_before_intent_there_is_one_request_of_few_bytes_and_nothing_is_stored(stage, show, domain):
    chat = show(domain)
    chat.page.wait_for_load_state("networkidle")
    urls = chat.page.evaluate("performance.getEntriesByType('resource').map((e) => e.name)")
    assert [url for url in urls if url.startswith(stage.api)] == [f"{stage.api}/widget.js?key={domain.widget_key}"]
    assert chat.stored() == [{}, {}, ""]


def test_a_frame_of_our_own_holds_the_same_chat(stage, show, domain):
    chat = show(domain, mode="frame", script=ANSWER, browser_options={"before": HEARD})
    chat.part("button.launcher").click()
    frame = chat.page.frame_locator("omniops-chat >> iframe.frame")
    box = frame.locator("omniops-frame >> textarea")
    expect(box).to_be_focused()
    box.fill("Will it hold?")
    box.press("Enter")
    expect(frame.locator("omniops-frame >> article.entry").last).to_contain_text("80 km/h")
    until(chat.page, lambda: chat.page.evaluate("heard.length") == 4)
    assert [name for name, _ in chat.page.evaluate("heard")] == ["ready", "open", "message:sent", "message:received"]
    assert "80 km/h" not in json.dumps(chat.page.evaluate("heard")), "the wall keeps the words"
    assert chat.stored() == [{}, {}, ""]
    chat.page.evaluate("window.postMessage({omniops: 'close'}, '*')")
    expect(chat.part("iframe.frame")).to_be_visible()
    chat.picture("frame-1440")
    box.press("Escape")
    expect(chat.part("iframe.frame")).to_be_hidden()
    expect(chat.part("button.launcher")).to_be_focused()


def test_cards_are_shown_and_answer_for_the_visitor(stage, show, domain):
    url = f"{stage.site}/tents/ridge-2"
    cards = [
        ProductCard(
            "Ridge 2 tent",
            url,
            "1289.00",
            "GBP",
            "Two people, 2.1 kg",
            "in_stock",
            (
                Variant("Moss", price="1289.00", stock="in_stock", left=14),
                Variant("Slate / extra large", price="1299.00", stock="sold_out"),
                Variant("Ochre", "from 2 Dec"),
                Variant("Pine"),
            ),
        ),
        TextCard("Worth knowing", "<b>Eight</b> guy lines are in the bag."),
        ListCard("Also in this family", (Row("Ridge 3", "three people", url), Row("Footprint"))),
        ButtonsCard("What next?", (Button("Compare", say="Compare Ridge 2 and 3"), Button("See it", url=url))),
        FormCard("When shall we call?", (Field("Name"), Field("Day", "choice", True, ("Mon", "Tue"))), "Call me"),
        ListCard("Elsewhere", (Row("Away", url="https://elsewhere.example/"),)),
    ]
    script = (Level("answer"), Text("Yes."), *(Shown(card) for card in cards), Done("end"))
    chat = show(domain, script=script)
    chat.open()
    chat.ask("Will it hold?")
    expect(chat.part(".card")).to_have_count(5)
    product = chat.part(".card").first
    expect(product.locator(".top")).to_contain_text("from £1,289.00")
    cells = ["Moss£1,289.00in stock (14)", "Slate / extra large£1,299.00sold out", "Ochrefrom 2 Dec", "Pine"]
    expect(product.locator("li")).to_have_text(cells)
    expect(product.locator("a.button")).to_have_attribute("href", url)
    expect(chat.part(".card").nth(1)).to_contain_text("<b>Eight</b> guy lines")
    assert chat.violations() == []
    chat.picture("cards-1440")
    chat.page.set_viewport_size({"width": 390, "height": 844})
    lines = "e => e.getBoundingClientRect().height / parseFloat(getComputedStyle(e).lineHeight)"
    assert round(product.locator(".top strong").last.evaluate(lines)) == 1, "a price is not broken"
    assert round(product.locator("li strong").nth(1).evaluate(lines)) <= 2, "words are not broken"
    assert chat.violations() == []
    chat.picture("cards-390")
    form = chat.part("form.card")
    form.locator("button").click()
    expect(form.locator("[role=alert]")).to_contain_text("Name: Please fill this in.")
    form.locator("input").fill("Ada")
    form.locator("select").select_option("Tue")
    stage.script(*ANSWER)
    form.locator("button").click()
    expect(chat.part("article.visitor").last).to_have_text("Name: AdaDay: Tue")
    expect(chat.part(".proof")).to_have_count(2)
    chat.part(".card .actions button").click()
    expect(chat.part("article.visitor").last).to_have_text("Compare Ridge 2 and 3")
    chat.page.reload()
    chat.open()
    expect(chat.part(".card")).to_have_count(5)


def test_a_page_rule_greets_once_and_takes_no_focus(stage, show):
    rules = [{"path": "/tents/*", "after": 0.1, "text": "Questions about this tent?"}]
    shop = stage.domain(hellos=rules)
    elsewhere = show(shop, path="/boots/1")
    chat = show(shop, path="/tents/ridge-2")
    chat.page.locator("input").focus()
    hello = chat.part(".hello")
    expect(hello).to_contain_text("Questions about this tent?")
    expect(chat.page.locator("input")).to_be_focused()
    assert chat.stored() == [{}, {}, ""]
    assert chat.violations() == []
    chat.picture("greeting-1440")
    hello.locator(".shut").click()
    expect(hello).to_have_count(0)
    expect(chat.part("button.launcher")).to_be_focused()
    with chat.page.expect_response(lambda r: "/hello-" in r.url):
        chat.page.reload()
    expect(chat.part(".hello")).to_have_count(0)
    expect(elsewhere.part(".hello")).to_have_count(0)
    chat.page.evaluate("sessionStorage.clear(); omniops.setContext({path: '/tents/third'})")
    chat.part(".said").click()
    expect(chat.part(".panel")).to_be_visible()
    expect(chat.part(".hello")).to_have_count(0)


def test_opening_hours_are_told_in_header_and_hand_off(stage, show):
    always = {day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    shut = {str(tomorrow + timedelta(days=n)): [] for n in range(3)}
    chat = show(stage.domain(hours={"zone": "UTC", "week": always, "exceptions": shut, "answer_minutes": 3}))
    chat.open()
    expect(chat.part(".head")).to_contain_text("people until")
    chat.part(".below button").click()
    expect(chat.part(".to-person")).to_contain_text("A person can answer. Usual wait: 3 minutes.")
    chat.part(".to-person .strong").click()
    expect(chat.part(".callout.entry")).to_contain_text("Usual wait: 3 minutes.")
    day = {str(tomorrow - timedelta(days=n)): [] for n in (1, 2)}
    closed = show(stage.domain(hours={"zone": "UTC", "week": always, "exceptions": day}))
    closed.open()
    expect(closed.part(".head")).to_contain_text("people back")
    closed.part(".below button").click()
    expect(closed.part(".to-person")).to_contain_text("A person can answer: ")


def test_the_website_calls_and_hears_it(stage, show, domain):
    before = HEARD + "omniops.push(['identify', 'not.a.jwt'], ['consent', 'chat.remember', true], ['open'])"
    chat = show(domain, script=ANSWER, browser_options={"before": before})
    chat.expected = ("404", "401", "422", "400", "403")
    expect(chat.part(".panel")).to_be_visible()
    chat.part(".suggestions").wait_for()
    asked = "performance.getEntriesByType('resource').map((e) => e.name).filter((u) => u.includes('identify'))"
    assert chat.page.evaluate(asked) == [], "who it is is not told before the visitor writes"
    chat.ask("Will it hold?")
    heard = chat.page.evaluate("heard")
    assert [name for name, _ in heard] == ["ready", "consent", "open", "error", "message:sent", "message:received"]
    assert heard[1][1] == {"purpose": "chat.remember", "given": True}
    assert heard[3][1]["status"] >= 400
    assert heard[5][1]["author"] == "ai"
    assert len(chat.stored()[0]) == 1
    chat.part(".below button").click()
    chat.part(".to-person .strong").click()
    chat.part(".callout.entry").wait_for()
    chat.page.evaluate("omniops.toggle()")
    expect(chat.part(".panel")).to_be_hidden()
    chat.page.evaluate("omniops.hide()")
    expect(chat.part("button.launcher")).to_be_hidden()
    chat.page.evaluate("omniops.show()")
    expect(chat.part("button.launcher")).to_be_visible()
    chat.page.evaluate("omniops.reset()")
    chat.page.evaluate("omniops.open()")
    expect(chat.part(".suggestions")).to_be_visible()
    assert chat.stored() == [{}, {}, ""]
    assert [name for name, _ in chat.page.evaluate("heard")][6:] == ["handover", "close", "open"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_forced_colours_zoom_and_contrast_hold(show, domain, scheme):
    options = {"size": (320, 256), "scheme": scheme, "forced_colors": "active"}
    chat = show(domain, script=ANSWER, browser_options=options)
    chat.open()
    chat.ask("Will it hold?")
    assert chat.part(".log").evaluate("e => e.scrollWidth <= e.clientWidth")
    assert chat.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = chat.part("textarea").bounding_box()
    assert box["y"] + box["height"] <= 256, "at 400 % zoom one can still write"
    assert chat.violations() == []
    chat.picture(f"zoom-400-forced-{scheme}")


def test_try_shows_the_chat_on_a_page_of_our_own(stage, show):
    shop = stage.domain(brand="#7a4018", suggestions=["Where is my order?"])
    stage.script(*ANSWER)
    chat = show.go(f"{stage.api}/try?key={shop.widget_key}")
    expect(chat.part(".suggestions")).to_be_visible()
    expect(chat.ask("Will it hold?")).to_contain_text("80 km/h")
    chat.picture("try-1440")
