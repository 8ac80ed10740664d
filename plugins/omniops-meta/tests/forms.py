"""Reading what is asked of Meta: names of fields, and forms with files."""

from email.parser import BytesParser
from email.policy import HTTP


def split(fields):
    """Names of fields; those in braces belong to the name before."""
    found, depth = [""], 0
    for letter in fields:
        depth += (letter == "{") - (letter == "}")
        if letter == "," and not depth:
            found.append("")
        else:
            found[-1] += letter
    return [one for one in found if one]


def form(exchange):
    """The values and the files of a form."""
    head = f"content-type: {exchange.headers['content-type']}\r\n\r\n".encode()
    values, files = {}, {}
    for part in BytesParser(policy=HTTP).parsebytes(head + exchange.body).iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if part.get_filename() is None:
            values[name] = content.decode()
        else:
            files[name] = content
    return values, files
