"""What each form of the dashboard does, in operations of `/v1`. Complete, or `test_dashboard_actions.py` is red.

A room adds one table and its line in `ACTIONS`: each form behind `/app/{domain_id}`, with every operation that it
stands for. An operation begins behind `/v1`; `D` is its domain. Names of ids are those of the routes of `/v1`.
"""

D = "/domains/{domain_id}"
TALK = f"{D}/conversations/{{conversation_id}}"
CASE = f"{D}/cases/{{case_id}}"
HOOK = f"{D}/webhooks/{{webhook_id}}"
BREACH = "/breaches/{breach_id}"

INBOX = {
    "/read": [f"POST {D}/sources", f"POST {D}/sources/{{source_id}}/crawl"],
    "/inbox/{conversation_id}/why/{message_id}": [f"PUT {TALK}/messages/{{message_id}}/verdict"],
    "/inbox/{conversation_id}/draft/changes": [f"POST {D}/drafts/{{draft_id}}/approve"],
    "/inbox/{conversation_id}/step": [f"POST {TALK}/{step}" for step in ("take-over", "hand-back", "close", "reopen")],
    "/inbox/{conversation_id}/reply": [f"POST {TALK}/messages"],
    "/inbox/{conversation_id}/note": [f"POST {TALK}/notes"],
    "/inbox/{conversation_id}/assign": [f"PUT {TALK}/assigned"],
    "/inbox/{conversation_id}/label": [f"PUT {TALK}/labels/{{label_id}}", f"DELETE {TALK}/labels/{{label_id}}"],
    "/inbox/{conversation_id}/snooze": [f"PUT {TALK}/snoozed"],
    "/labels/add": [f"POST {D}/labels"],
    "/labels/remove": [f"DELETE {D}/labels/{{label_id}}"],
    "/inbox/{conversation_id}/draft": [f"POST {D}/drafts/{{draft_id}}/approve", f"POST {D}/drafts/{{draft_id}}/reject"],
    "/inbox/{conversation_id}/run": [f"POST {D}/tool-runs/{{run_id}}/decision"],
    "/inbox/{conversation_id}/resend": [f"POST {D}/undelivered/{{message_id}}/resend"],
}
KNOWLEDGE = {
    "/knowledge/add": [f"POST {D}/sources"],
    "/knowledge/sources/{source_id}/step": [
        f"POST {D}/sources/{{source_id}}/crawl",
        f"PATCH {D}/sources/{{source_id}}",
        f"DELETE {D}/sources/{{source_id}}",
    ],
    "/knowledge/answers/keep": [f"POST {D}/answers"],
    "/knowledge/answers/{answer_id}/keep": [f"PUT {D}/answers/{{answer_id}}"],
    "/knowledge/answers/{answer_id}/delete": [f"DELETE {D}/answers/{{answer_id}}"],
    "/knowledge/gaps/{gap_id}/decide": [
        f"POST {D}/answers", f"POST {D}/gaps/{{gap_id}}/resolve", f"POST {D}/gaps/{{gap_id}}/dismiss",
    ],
}  # fmt: skip
PRIVACY = {
    "/privacy/new/record": [f"POST {D}/cases"],
    "/privacy/cases/{case_id}/settle": [f"POST {CASE}/tasks/{{task_id}}"],
    **{
        f"/privacy/cases/{{case_id}}/{step}": [f"POST {CASE}/{step}"]
        for step in ("identity", "receipt", "act", "correct", "extend", "refuse", "objection", "consent", "close")
    },
    "/privacy/retention/plan": [f"POST {D}/retention/runs"],
    "/privacy/retention/shorten": [f"PUT {D}/retention/{{key}}"],
    "/privacy/retention/restore": [f"DELETE {D}/retention/{{key}}"],
    "/privacy/retention/runs/{run_id}/approve": [f"POST {D}/retention/runs/{{run_id}}/approve"],
    "/privacy/retention/hold/place": [f"POST {D}/holds"],
    "/privacy/retention/review": [f"POST {D}/holds/{{hold_id}}/review"],
    "/privacy/retention/lift": [f"POST {D}/holds/{{hold_id}}/lift"],
    "/privacy/register/answer": ["POST /privacy/register/processors/{key}/answer"],
    "/privacy/breaches/new/declare": ["POST /breaches"],
    "/privacy/breaches/{breach_id}/note": [f"PATCH {BREACH}"],
    "/privacy/breaches/{breach_id}/scope": [f"POST {BREACH}/scope"],
    "/privacy/breaches/{breach_id}/assess": [f"POST {BREACH}/assessment"],
    "/privacy/breaches/{breach_id}/notify": [f"POST {BREACH}/notifications"],
    "/privacy/breaches/{breach_id}/tell": [f"POST {BREACH}/tellings"],
    "/privacy/breaches/{breach_id}/close": [f"POST {BREACH}/close"],
}
DEVELOPERS = {
    "/developers/keys/create": ["POST /keys"],
    "/developers/keys/revoke": ["DELETE /keys/{key_id}"],
    "/developers/website/secret": [f"POST {D}/identity-secret"],
    "/developers/webhooks/add": [f"POST {D}/webhooks"],
    "/developers/webhooks/{webhook_id}/keep": [f"PATCH {HOOK}"],
    "/developers/webhooks/{webhook_id}/step": [f"POST {HOOK}/test", f"PATCH {HOOK}", f"DELETE {HOOK}"],
    "/developers/webhooks/{webhook_id}/rotate": [f"POST {HOOK}/secret"],
    "/developers/webhooks/{webhook_id}/again": [
        f"POST {HOOK}/deliveries/{{delivery_id}}/replay", f"POST {HOOK}/replay",
    ],
}  # fmt: skip
REPAIRS = {
    "/repairs/read": [f"POST {D}/sources/{{source_id}}/crawl"],
    "/repairs/verify": [f"POST {D}/verification"],
    "/repairs/check": [f"POST {D}/connections/{{connection_id}}/check"],
    "/repairs/resend": [f"POST {D}/undelivered/{{message_id}}/resend"],
    "/repairs/resume": [f"PATCH {HOOK}"],
    "/repairs/replay": [f"POST {HOOK}/replay"],
}
LINK = f"{D}/connections/{{connection_id}}"
INTEGRATIONS = {
    "/integrations/plugins/{plugin}/switch": [f"PUT {D}/plugins/{{plugin}}"],
    "/integrations/new/{kind}/connect": [f"POST {D}/connections", f"POST {D}/connections/begin"],
    "/integrations/{connection_id}/check": [f"POST {LINK}/check"],
    "/integrations/{connection_id}/fetch": [f"POST {LINK}/syncs/{{name}}"],
    "/integrations/{connection_id}/replay": [f"POST {LINK}/log/replay"],
    "/integrations/{connection_id}/feature": [f"PUT {LINK}/features/{{feature}}"],
    "/integrations/{connection_id}/again": [f"POST {LINK}/begin"],
    "/integrations/{connection_id}/values/keep": [f"PATCH {LINK}"],
    "/integrations/{connection_id}/end": [f"DELETE {LINK}"],
    "/integrations/{connection_id}/documents/choose": [f"POST {LINK}/documents"],
    "/integrations/{connection_id}/documents/release": [f"DELETE {LINK}/documents/{{document_id}}"],
}
TEAM = {
    "/team/invite": ["POST /invitations"],
    "/team/withdraw": ["DELETE /invitations/{invitation_id}"],
    "/team/role": ["PATCH /members/{member_id}"],
    "/team/remove": ["DELETE /members/{member_id}"],
    "/team/factor": ["DELETE /members/{member_id}/factor"],
    "/account/factor/begin": ["POST /me/factor"],
    "/account/factor/confirm": ["POST /me/factor/confirm"],
    "/account/factor/codes": ["POST /me/factor/recovery-codes"],
    "/account/factor/off": ["POST /me/factor/off"],
    "/account/name": ["PATCH /me"],
    "/account/password": ["PUT /me/password"],
    "/account/sessions": ["DELETE /me/sessions/{session_id}", "DELETE /me/sessions"],
}
AI = {
    "/ai/bench/ask": [f"POST {D}/bench"],
    "/ai/review/keep": [f"PATCH {D}"],
    "/ai/questions/add": [f"POST {D}/questions"],
    "/ai/questions/{question_id}/remove": [f"DELETE {D}/questions/{{question_id}}"],
    "/ai/questions/run": [f"POST {D}/trials"],
    "/ai/questions/runs/{trial_id}/accept": [f"POST {D}/trials/{{trial_id}}/accept"],
}
SETTINGS = {"/settings/{part}/keep": [f"PATCH {D}"]}

ACTIONS = {**INBOX, **KNOWLEDGE, **PRIVACY, **DEVELOPERS, **REPAIRS, **INTEGRATIONS, **TEAM, **AI, **SETTINGS}
PUBLIC = {
    "/app/sign-in": ["POST /session"],
    "/app/sign-in/code": ["POST /session/factor"],
    "/app/sign-out": ["DELETE /session"],
    "/app/forgotten": ["POST /session/forgot"],
    "/app/new-password/{token}": ["POST /session/new-password"],
}
"""Before there is a member: whole paths."""
PLUGINS = {"/app/{domain_id}/plugins/{plugin}/{name}/{form}"}
"""A plugin's page names its own permission, which `test_dashboard_plugged.py` tries."""
