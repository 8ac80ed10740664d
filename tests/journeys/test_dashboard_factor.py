"""A member sets up a second factor, signs in with a code, and with a recovery code. In real browsers."""

import time

import pyotp
from members import PASSWORD, looked_at, sign_in
from playwright.sync_api import expect


def code_of(key, steps=0):
    return pyotp.TOTP(key).generate_otp(int(time.time()) // 30 + steps)


def asked_for_a_code(show, stage, email, **options):
    visit = show.go(stage.api + "/app/sign-in", **options)
    visit.page.get_by_label("E-mail address").fill(email)
    visit.page.get_by_label("Password").fill(PASSWORD)
    visit.page.get_by_role("button", name="Sign in").click()
    expect(visit.page.get_by_role("heading", level=1)).to_contain_text("code of your authenticator app")
    visit.expected = ("401",)
    return visit.page


def test_a_code_follows_the_password_and_a_recovery_code_helps_out(show, stage, office):
    domain, email = office
    visit = sign_in(show, stage, email, f"/app/{domain.id}")
    page, visit.expected = visit.page, ("401",)
    page.goto(f"{stage.api}/app/{domain.id}/account")
    page.get_by_role("link", name="Set up a second factor").click()
    looked_at(page, "factor-none-desktop-light")
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_role("button", name="Show the key").click()
    expect(page.locator(".qr-frame svg")).to_be_visible()
    looked_at(page, "factor-key-desktop-light")
    key = page.locator("code.once").inner_text().replace(" ", "")
    page.get_by_label("Code, six digits").fill("000000x")
    page.get_by_role("button", name="Switch it on").click()
    expect(page.get_by_role("alert")).to_contain_text("does not fit")
    page.get_by_label("Code, six digits").fill(code_of(key))
    page.get_by_role("button", name="Switch it on").click()
    expect(page.locator(".codes li")).to_have_count(10)
    looked_at(page, "factor-codes-desktop-light")
    recovery = page.locator(".codes li").first.inner_text()
    page.get_by_role("link", name="I have kept them").click()
    expect(page.locator(".statement")).to_contain_text("10 recovery codes are left")
    looked_at(page, "factor-on-desktop-light")
    phone = asked_for_a_code(show, stage, email, size=(390, 844), scheme="dark")
    looked_at(phone, "sign-in-code-phone-dark")
    phone.get_by_label("Code, six digits").fill("12")
    phone.get_by_role("button", name="Sign in", exact=True).click()
    expect(phone.get_by_role("alert")).to_contain_text("does not fit")
    phone.get_by_label("Code, six digits").fill(code_of(key, 1))
    phone.get_by_role("button", name="Sign in", exact=True).click()
    expect(phone.get_by_role("navigation", name="Rooms")).to_be_visible()
    phone.goto(f"{stage.api}/app/{domain.id}/account/factor")
    looked_at(phone, "factor-on-phone-dark")
    lost = asked_for_a_code(show, stage, email)
    lost.get_by_text("Use a recovery code").click()
    lost.get_by_label("Recovery code").fill(recovery)
    looked_at(lost, "sign-in-recovery-desktop-light")
    lost.get_by_role("button", name="Sign in with it").click()
    expect(lost.get_by_role("button", name="Sign out")).to_be_attached()
    lost.goto(f"{stage.api}/app/{domain.id}/account/factor")
    expect(lost.locator(".statement")).to_contain_text("9 recovery codes are left")
    lost.get_by_text("Switch off the second factor").click()
    lost.locator("details").get_by_label("Present password").fill(PASSWORD)
    lost.get_by_role("button", name="Switch it off").click()
    expect(lost.locator(".statement")).to_contain_text("Your password alone signs in.")
