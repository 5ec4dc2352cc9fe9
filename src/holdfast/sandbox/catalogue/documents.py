"""The bytes of documents that Stripe makes, such as the PDF of a quote."""

from holdfast.sandbox.resources.routing import Document
from holdfast.sandbox.state import JsonObject

PLACEHOLDER = b"Stripe binary response"
"""What Stripe's own mock server answers instead of a document; the official packages' tests expect
it."""


def pdf_of(obj: JsonObject) -> Document:
    """Return a PDF of one page that names the object."""
    line = f"{obj['object']} {obj['id']}".encode("ascii", "replace")
    for special in (b"\\", b"(", b")"):
        line = line.replace(special, b"\\" + special)
    drawing = b"BT /F1 18 Tf 72 720 Td (" + line + b") Tj ET"
    fonts = b"/Resources << /Font << /F1 5 0 R >> >>"
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R %b >>" % fonts,
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(drawing), drawing),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body = b"%PDF-1.4\n"
    offsets = []
    for number, part in enumerate(parts, 1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%b\nendobj\n" % (number, part)
    start = len(body)
    count = len(parts) + 1
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    body += b"xref\n0 %d\n0000000000 65535 f \n%b" % (count, table)
    body += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, start)
    return Document(body, "application/pdf")
