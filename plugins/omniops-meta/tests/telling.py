"""What Meta tells an app: deliveries about numbers, pages and accounts, in the shapes that it publishes."""

from uuid import uuid4

WHATSAPP = "whatsapp_business_account"


class Telling:
    """Deliveries. Names of people are planted: nobody may keep them."""

    def whatsapp(self, business, *, phone=None, field_name="messages", **value):
        """A delivery about a number."""
        phone = phone or business.phone
        metadata = {"display_phone_number": "4930901820", "phone_number_id": phone}
        whole = {"messaging_product": "whatsapp", "metadata": metadata, **value}
        return {
            "object": WHATSAPP,
            "entry": [{"id": business.account, "changes": [{"value": whole, "field": field_name}]}],
        }

    def wrote(self, business, text="Hello", *, person=None, phone_number="4915112345678", phone=None, **message):
        """Somebody writes to the number. `person` is the id that Meta made of them, None for who has none."""
        contact = {"profile": {"name": "Ada CANARY-NAME"}} | ({"wa_id": phone_number} if phone_number else {})
        contact |= {"user_id": person} if person else {}
        said = {
            "id": f"wamid.{uuid4().hex}",
            "timestamp": str(int(self.now())),
            "type": "text",
            "text": {"body": text},
        }
        if phone_number:
            said["from"] = phone_number
        if person:
            said["from_user_id"] = person
        if "type" in message:
            said.pop("text")
        return self.whatsapp(business, phone=phone, contacts=[contact], messages=[{**said, **message}])

    def status(self, business, reference, state, code=None):
        said = {"id": reference, "status": state, "timestamp": str(int(self.now())), "recipient_id": "4915112345678"}
        if code is not None:
            said["errors"] = [{"code": code, "title": "CANARY-TITLE", "message": "CANARY-MESSAGE", "href": "https://x"}]
        return self.whatsapp(business, statuses=[said])

    def page_event(self, kind, place, *events, **entry):
        """A delivery about a page or an Instagram account."""
        now = int(self.now() * 1000)
        return {"object": kind, "entry": [{"id": place, "time": now, "messaging": list(events), **entry}]}

    def event(self, sender, recipient, **what):
        return {"sender": {"id": sender}, "recipient": {"id": recipient}, "timestamp": int(self.now() * 1000), **what}


def message(text="Hello", **more):
    return {"message": {"mid": f"m_{uuid4().hex}", "text": text, **more}}
