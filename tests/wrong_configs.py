"""Files with one fault each: what is wrong, the file, and the message, which begins with the line."""

RECEIVER = "notify:\n  receivers: {oncall: {webhook: {url: http://example.com}}}\n"

WRONG = [
    # What stands where a number should.
    (
        "a unit",
        "surfaces:\n  chat:\n    duration: 20s",
        "3: surfaces.chat.duration: is '20s', not a number; give seconds above 0, up to 86,400, without quotes or a unit",
    ),
    (
        "quotes",
        "limits: {error_ratio: '5'}",
        "1: limits.error_ratio: is '5', not a number; give percent above 0 and below 100, without quotes or a unit",
    ),
    (
        "words",
        "budgets:\n  daily_usd: much",
        "2: budgets.daily_usd: is 'much', not a number; give USD above 0, up to 1,000,000,000",
    ),
    (
        "true",
        "budgets: {daily_usd: yes}",
        "1: budgets.daily_usd: is true, not a number; give USD above 0, up to 1,000,000,000",
    ),
    (
        "no number at all",
        "limits: {latency_p95: .nan}",
        "1: limits.latency_p95: is nan, not a number; give seconds above 0, up to 86,400",
    ),
    (
        "a fraction",
        "retention_days: 40.5",
        "1: retention_days: is 40.5, not a whole number; give whole days from 40 to 3,650",
    ),
    (
        "nothing",
        "limits:\n  error_ratio:",
        "2: limits.error_ratio: has no value; give percent above 0 and below 100, or take the key away",
    ),
    # Out of range.
    ("below zero", "budgets: {daily_usd: -3}", "1: budgets.daily_usd: is -3; give USD above 0, up to 1,000,000,000"),
    (
        "over 100 %",
        "surfaces: {chat: {within: 101}}",
        "1: surfaces.chat.within: is 101; give percent above 0 and below 100",
    ),
    (
        "a first text after ten minutes",
        "surfaces: {chat: {time_to_first_text: 601, duration: null}}",
        "1: surfaces.chat.time_to_first_text: is 601; give seconds above 0, up to 600",
    ),
    ("too short a memory", "retention_days: 30", "1: retention_days: is 30; give whole days from 40 to 3,650"),
    # Keys.
    (
        "a misspelled key",
        "surfaces: {chat: {durations: 2}}",
        "1: surfaces.chat.durations: is not known; did you mean `duration`?",
    ),
    (
        "a key in another place",
        "daily_usd: 200",
        "1: daily_usd: is not known here; it belongs to budgets or surfaces.NAME",
    ),
    ("an unknown key", "budgets: {colour: red}", "1: budgets.colour: is not known; use daily_usd, monthly_usd"),
    (
        "a key given twice",
        "budgets: {daily_usd: 2}\nretention_days: 50\nbudgets: {monthly_usd: 9}",
        "3: budgets: in line 3 is given in line 1 already; keep one of them",
    ),
    (
        "budgets a level too deep",
        "surfaces:\n  chat:\n    budgets: {duration: 2}",
        "3: surfaces.chat.budgets: is not known; write the keys below it a level higher",
    ),
    (
        "a name that is a number",
        "surfaces: {404: {}}",
        "1: surfaces.404: is a key that YAML reads as a number; put it in quotes",
    ),
    (
        "a key that is a switch",
        "surfaces:\n  on: {}",
        "2: surfaces.on: is a key that YAML reads as true or false; put it in quotes",
    ),
    ("prices that are none", "prices: 5", "1: prices: is 5, not a mapping; write `name: value` lines below it"),
    ("an anchor that holds itself", "surfaces: &a\n  b: *a", "1: is not YAML: an anchor holds itself; correct it"),
    ("text for keys", "budgets: 200", "1: budgets: is 200, where keys are expected; write `key: value` lines below it"),
    (
        "keys for a list",
        "attribution: {rules: {match: a, surface: b}}",
        "1: attribution.rules: is a mapping, not a list; write `- ` lines below it",
    ),
    (
        "a key that must be there",
        "attribution: {rules: [{match: a}]}",
        "1: attribution.rules[0].surface: is missing; add it",
    ),
    # Words.
    ("a misspelled word", "surfaces: {chat: {kind: chatt}}", "1: surfaces.chat.kind: is 'chatt'; did you mean chat?"),
    (
        "another word",
        "surfaces: {chat: {kind: interactive}}",
        "1: surfaces.chat.kind: is 'interactive'; write one of chat, long, batch",
    ),
    ("neither true nor false", "models: {pinned: 'no'}", "1: models.pinned: is 'no'; write true or false"),
    (
        "a zone that is none",
        "time_zone: Europa/Berlin",
        "1: time_zone: is 'Europa/Berlin', which is no time zone of the IANA database; did you mean Europe/Berlin?",
    ),
    (
        "a city alone",
        "time_zone: kolkata",
        "1: time_zone: is 'kolkata', which is no time zone of the IANA database; did you mean Asia/Kolkata?",
    ),
    (
        "an offset",
        "time_zone: '+05:30'",
        "1: time_zone: is '+05:30', which is no time zone of the IANA database; write one such as Europe/Berlin, "
        "Asia/Kolkata or UTC",
    ),
    (
        "a surface by the name of what has none",
        "surfaces: {other: {}}",
        "1: surfaces.other: is a name that claude-otel gives to calls it cannot name (other, unknown); choose another",
    ),
    (
        "blanks around a name",
        "surfaces: {' chat': {}}",
        "1: surfaces. chat: has blanks around it or characters that do not print; take them out",
    ),
    ("no models allowed", "models: {allowed: []}", "1: models.allowed: is empty; list one, or take the key away"),
    (
        "more surfaces than are told apart",
        "surfaces: {" + ", ".join(f"chat{'i' * n}: {{}}" for n in range(51)) + "}",
        "1: surfaces: has more than 50 entries, and the instrumentor tells 50 apart; join some",
    ),
    # Keys that contradict each other.
    (
        "a day dearer than the month",
        "budgets: {daily_usd: 9, monthly_usd: 8}",
        "1: budgets.daily_usd: is 9, more than the 8 of budgets.monthly_usd; lower this one or raise that one",
    ),
    (
        "a surface's day dearer than its month",
        "surfaces:\n  chat:\n    monthly_usd: 8\n    daily_usd: 9",
        "4: surfaces.chat.daily_usd: is 9, more than the 8 of surfaces.chat.monthly_usd; lower this one or raise that one",
    ),
    (
        "a surface dearer than all",
        "budgets: {daily_usd: 5}\nsurfaces: {chat: {daily_usd: 9}}",
        "2: surfaces.chat.daily_usd: is 9, more than the 5 of budgets.daily_usd of all surfaces together; lower this one "
        "or raise that one",
    ),
    (
        "a batch that somebody waits for",
        "surfaces: {tags: {kind: batch, time_to_first_text: 2}}",
        "1: surfaces.tags.time_to_first_text: makes no sense for the kind batch, where nobody waits; take it away or "
        "set kind: chat",
    ),
    (
        "a beginning after the end",
        "surfaces: {chat: {time_to_first_text: 9, duration: 8}}",
        "1: surfaces.chat.time_to_first_text: is 9, longer than the 8 of duration, the whole response; lower it",
    ),
    (
        "a first chunk after the first text",
        "surfaces: {chat: {time_to_first_chunk: 3}}",
        "1: surfaces.chat.time_to_first_chunk: is 3, longer than the 2 of time_to_first_text, which comes later; lower it",
    ),
    (
        "two surfaces alike",
        "surfaces:\n  checkout-chat:\n  Checkout_Chat:",
        "3: surfaces.Checkout_Chat: is 'checkout-chat' but for case and punctuation; name both alike in the code, and "
        "keep one",
    ),
    (
        "a target so low that its alert cannot fire",
        "surfaces: {chat: {availability: 90}}",
        "1: surfaces.chat.availability: is 90, with which 14.4 times the error budget is 144 % of the calls, so that the "
        "alert can never fire; give more than 93.06, or lower limits.availability_burn.fast",
    ),
    (
        "a slow burn faster than the fast one",
        "limits: {latency_burn: {slow: 6}}",
        "1: limits.latency_burn.slow: is 6, not below the 6 of fast; give less, as it is over 6 hours",
    ),
    (
        "a page before its ticket",
        "models: {retiring_page_days: 90}",
        "1: models.retiring_page_days: is 90, not below the 60 of retiring_ticket_days; the page is the last warning, so "
        "lower it",
    ),
    (
        "an alias where models are pinned",
        "models: {allowed: [claude-sonnet-4-5]}",
        "1: models.allowed[0]: is 'claude-sonnet-4-5', an alias that moves, while pinned is true; write "
        "'claude-sonnet-4-5-20250929', or set pinned: false",
    ),
    (
        "a rule that is never reached",
        "attribution:\n  rules:\n  - {match: 'shop*', surface: a}\n  - {match: shop.reports, surface: b}",
        "4: attribution.rules[1].match: is 'shop.reports', which attribution.rules[0] ('shop*') takes already; put it "
        "above that one",
    ),
    # Who is told.
    (
        "a secret in the file",
        "notify:\n  receivers:\n    oncall:\n      pagerduty:\n        routing_key: R0THESECRET",
        "5: notify.receivers.oncall.pagerduty.routing_key: would be a secret in this file; write it into a file of its "
        "own, and name that in `routing_key_file`",
    ),
    (
        "a secret by another tool's name",
        "notify: {receivers: {team: {slack: {api_url: 'https://hooks.slack.com/services/T/B/SECRET'}}}}",
        "1: notify.receivers.team.slack.api_url: would be a secret in this file; write it into a file of its own, and "
        "name that in `webhook_url_file`",
    ),
    (
        "a secret in place of its file",
        "notify: {receivers: {team: {slack: {webhook_url_file: 'https://hooks.slack.com/services/T/B/SECRET'}}}}",
        "1: notify.receivers.team.slack.webhook_url_file: is no absolute path; write where Alertmanager finds the file, "
        "such as /run/secrets/key",
    ),
    (
        "a password in an address",
        "notify: {receivers: {team: {webhook: {url: 'https://user:SECRET@example.com'}}}}",
        "1: notify.receivers.team.webhook.url: has a user or password in it; write the address into a file and name that "
        "in `url_file`",
    ),
    (
        "a token in an address",
        "notify: {receivers: {team: {webhook: {url: 'https://example.com/hook/0123456789abcdefSECRET'}}}}",
        "1: notify.receivers.team.webhook.url: has what looks like a secret in it; write the address into a file and name "
        "that in `url_file`",
    ),
    (
        "no address",
        "notify: {receivers: {team: {webhook: {url: example.com}}}}",
        "1: notify.receivers.team.webhook.url: is not an address; write one such as https://example.com/path",
    ),
    (
        "two addresses",
        "notify: {receivers: {team: {webhook: {url: 'http://a', url_file: /b}}}}",
        "1: notify.receivers.team.webhook: has both `url` and `url_file`; give one of them",
    ),
    (
        "no way to tell somebody",
        "notify: {receivers: {team: {}}}",
        "1: notify.receivers.team: has no way to be told; give one of pagerduty, slack, opsgenie, webhook, email",
    ),
    (
        "no server",
        "notify: {receivers: {team: {email: {to: a@b.c, from: a@b.c, smarthost: smtp}}}}",
        "1: notify.receivers.team.email.smarthost: is 'smtp'; write the server and its port, such as smtp.example.com:587",
    ),
    (
        "no address of mail",
        "notify: {receivers: {team: {email: {to: 'a@b.c, me', from: a@b.c, smarthost: 'smtp:25'}}}}",
        "1: notify.receivers.team.email.to: has 'me', which is no address of mail; write one such as oncall@example.com",
    ),
    (
        "a receiver with blanks",
        "notify: {receivers: {my team: {webhook: {url: 'http://a'}}}}",
        "1: notify.receivers.my team: is no name for a receiver; write letters, digits and _ . -",
    ),
    (
        "a receiver by a name of ours",
        "notify: {receivers: {claude-otel-log: {webhook: {url: 'http://a'}}}}",
        "1: notify.receivers.claude-otel-log: begins with 'claude-otel-', as claude-otel's own receivers do; choose "
        "another name",
    ),
    (
        "a route to nobody",
        RECEIVER + "  routes: [{severity: page, receiver: on-call}]",
        "3: notify.routes[0].receiver: is 'on-call', which is not in notify.receivers; did you mean 'oncall'?",
    ),
    (
        "a route that is never reached",
        RECEIVER + "  routes:\n  - {receiver: oncall}\n  - {severity: page, receiver: oncall}",
        "5: notify.routes[1]: is never reached, as notify.routes[0] takes all that it matches; put it above that one",
    ),
    (
        "a route for a surface that is not there",
        RECEIVER + "  routes: [{surface: chat, receiver: oncall}]\nsurfaces: {chats: {}}",
        "3: notify.routes[0].surface: is 'chat', which is not in surfaces; did you mean 'chats'?",
    ),
    (
        "a default that is nobody",
        "notify: {default: team}",
        "1: notify.default: is 'team', and there are no receivers; add it under notify.receivers",
    ),
    (
        "half a time",
        "notify: {mute_tickets: {from: '19:00'}}",
        "1: notify.mute_tickets.from: stands without `to`; add it",
    ),
    (
        "no time of day",
        "notify: {mute_tickets: {from: '25:00', to: '08:00'}}",
        '1: notify.mute_tickets.from: is no time of day; write it in quotes, such as "19:00"',
    ),
    (
        "tickets that are never told",
        "notify: {mute_tickets: {weekdays: [monday, tuesday, wednesday, thursday, friday, saturday, sunday]}}",
        "1: notify.mute_tickets.weekdays: has all seven days: tickets would never be told; take one away",
    ),
    # Prices.
    (
        "a price that is none",
        "prices:\n  models:\n    claude-opus-5-5: {input: free}",
        "3: prices.models.claude-opus-5-5.input: is 'free', not a number; give a number without quotes or a unit",
    ),
    (
        "a new model with half its prices",
        "prices:\n  models:\n    my.model: {input: 3}",
        "3: prices.models.my.model.output: is missing: 'my.model' has no row on anthropic, aws, foundry, google_cloud, "
        "bedrock, mantle, vertex; add it",
    ),
    # The file itself.
    (
        "no YAML",
        "budgets: {daily_usd: 3",
        "1: is not YAML: while parsing a flow mapping, expected ',' or '}', but got '<stream end>'; correct it",
    ),
    (
        "a tab",
        "budgets:\n\tdaily_usd: 3",
        "2: is not YAML: while scanning for the next token, found character '\\t' that cannot start any token; correct it",
    ),
    ("a list", "- budgets", "1: has a list at the top, where keys are expected; write `key: value` lines"),
    (
        "two documents",
        "budgets:\n---\nbudgets:",
        "2: is not YAML: expected a single document in the stream, but found another document; correct it",
    ),
    (
        "no such day",
        "prices: {models: {claude-opus-5-5: {from: 2026-02-31}}}",
        "1: is not YAML: 2026-02-31: day is out of range for month; correct it",
    ),
]

WARNED = [
    ("nobody", "", "notify: has no receivers: pages go to nobody, only to the local log; add one, and a route to it"),
    (
        "pages that get past the routes",
        RECEIVER + "  routes: [{severity: ticket, receiver: oncall}]",
        "3: notify.routes: leave pages that go to nobody; add {severity: page, receiver: ...} at the end",
    ),
    (
        "pages of other surfaces",
        RECEIVER + "  routes: [{surface: chat, receiver: oncall}]\nsurfaces: {chat: {}}",
        "3: notify.routes: leave pages that go to nobody; add {severity: page, receiver: ...} at the end",
    ),
    (
        "no dead man's switch",
        RECEIVER,
        "2: notify.receivers: has no watchdog: when the stack itself is dead, nobody is told; add a dead man's switch as "
        "`watchdog`",
    ),
    (
        "links to this machine",
        RECEIVER + "links: {dashboards: 'http://127.0.0.1:3000'}",
        "3: links.dashboards: leads to 127.0.0.1, which is another machine for whoever is told; set Grafana's address",
    ),
    (
        "an idle receiver",
        "notify:\n  receivers: {a: {webhook: {url: 'http://a'}}, b: {webhook: {url: 'http://b'}}}\n  default: a",
        "2: notify.receivers.b: is told nothing, as no route leads to it; add a route, or take it away",
    ),
    (
        "a loop that is dearer than the day",
        "budgets: {daily_usd: 20}",
        "limits.runaway.usd_per_hour: is 50, more in an hour than the 20 of budgets.daily_usd: a loop spends the day's "
        "money first; lower it",
    ),
    (
        "a month that is never reached",
        "budgets: {daily_usd: 100, monthly_usd: 4000}",
        "1: budgets.monthly_usd: is 4000, which 100 a day never reach; lower it to 3100 or less, or raise daily_usd",
    ),
    (
        "a rule for a surface that is nearly there",
        "surfaces: {checkout-chat: {}}\nattribution: {rules: [{match: a, surface: checkout-chats}]}",
        "2: attribution.rules[0].surface: is 'checkout-chats', which is not in surfaces; did you mean 'checkout-chat'?",
    ),
]
"""What is only warned of."""
