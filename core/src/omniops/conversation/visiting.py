"""What a visitor can do beside writing in the chat, as one part for the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from omniops.conversation.ai_marks import AiMarks
from omniops.conversation.attachments import Attachments
from omniops.conversation.identity import Identities
from omniops.conversation.optout import OptOuts
from omniops.conversation.own import OwnConversations
from omniops.conversation.receipts import Receipts
from omniops.conversation.reviews import Reviews
from omniops.conversation.transcript import Transcripts


@dataclass(frozen=True, slots=True)
class Visiting:
    """Identity, own conversations, the wish for no AI, reviews, files, transcripts, receipts, the check of AI
    texts."""

    identities: Identities
    own: OwnConversations
    opt_outs: OptOuts
    reviews: Reviews
    attachments: Attachments
    transcripts: Transcripts
    receipts: Receipts
    ai_marks: AiMarks
