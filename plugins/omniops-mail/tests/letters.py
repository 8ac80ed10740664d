"""Mail as people and machines write it."""

from email.message import EmailMessage

OURS = "shop@shop.example"
TOM = "tom@customer.example"


def letter(text="How long does it take?", *, sender=f"Tom <{TOM}>", to=OURS, subject="Shipping", key="1", **headers):
    """A mail with the Message-ID `<key@customer.example>`. Underscores of header names are hyphens."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    if key:
        mail["Message-ID"] = f"<{key}@customer.example>"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail


def bounce(reference, *, status="5.1.1", action="failed", whole=True):
    """A delivery status as mail servers send it (RFC 3464)."""
    head = f"From: {OURS}\r\nMessage-ID: {reference}\r\nSubject: Re: Shipping\r\n\r\n"
    kind = "message/rfc822" if whole else "text/rfc822-headers"
    return (
        "From: MAILER-DAEMON@mx.example\r\nTo: shop@shop.example\r\nSubject: Undelivered\r\nReturn-Path: <>\r\n"
        "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; {TOM}\r\nAction: {action}\r\nStatus: {status}\r\n\r\n"
        f"--b\r\nContent-Type: {kind}\r\n\r\n{head}{'The text.' if whole else ''}\r\n--b--\r\n"
    ).encode()
