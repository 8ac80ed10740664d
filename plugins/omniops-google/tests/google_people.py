"""Contacts on loopback. A search sees them as they were when its index was last warmed up, by a search for nothing."""

import copy
import re
from uuid import uuid4


class People:
    """What people note of others, and what the People API answers."""

    def note(self, account, name, email, *, company="", note="", **more):
        """A contact. Gives it."""
        made = {
            "resourceName": f"people/c{uuid4().int % 10**15}",
            "etag": uuid4().hex,
            "names": [{"displayName": name, "givenName": name.split()[0]}],
            "emailAddresses": [{"value": email, "type": "work"}],
            "phoneNumbers": [{"value": "+49 30 Canary"}],
            "addresses": [{"formattedValue": "Canary street 7"}],
            "birthdays": [{"text": "Canary day"}],
            **({"organizations": [{"name": company, "title": "Canary", "current": True}]} if company else {}),
            **({"biographies": [{"value": note, "contentType": "TEXT_PLAIN"}]} if note else {}),
            **more,
        }
        account.contacts.append(made)
        return made

    def _people_people_searchContacts(self, account, given, body):
        if not given["query"]:
            account.indexed = copy.deepcopy(account.contacts)
            return {}
        wanted = {"resourceName", "etag", *given["readMask"].split(",")}
        found = [one for one in account.indexed if any(_begins(word, given["query"]) for word in _words(one))]
        size = min(int(given.get("pageSize", 10)), 30)
        return {"results": [{"person": {k: v for k, v in one.items() if k in wanted}} for one in found[:size]]}


def _words(person):
    for name, part in (("names", "displayName"), ("emailAddresses", "value"), ("organizations", "name")):
        yield from (one.get(part, "") for one in person.get(name, ()))


def _begins(text, query):
    """Whether words of a text, one after another, begin with the words asked for."""
    pattern = r"(?:^|[\s@.])" + re.escape(query.casefold())
    return re.search(pattern, text.casefold()) is not None
