"""The model of claude-otel.yaml: every key, its unit, its default, and why that is the default. Nothing here is read.

Times are in seconds, money in USD, shares in percent, unless the name of a key says otherwise (`..._days`). An empty
file is a good one: all that is left out has a default; what has no sensible one (a budget in USD) is not alerted on.
The descriptions become docs/configuration.md and the JSON Schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from claude_otel.monitoring import values
from claude_otel.price_overrides import TOP_KEYS as PRICE_KEYS

Kind = Literal["chat", "long", "batch"]
Severity = Literal["page", "ticket", "info"]
Category = Literal["errors", "latency", "money", "cache", "limits", "models", "answers", "pipeline"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

KIND_DEFAULTS: Mapping[str, Mapping[str, float]] = {
    "chat": {"time_to_first_text": 2.0},
    "long": {"duration": 60.0},
    "batch": {},
}
"""The latency budgets that a surface of a kind has unless it says otherwise: edges of the histograms, so exact."""

LATENCY_BUDGETS = ("time_to_first_text", "time_to_first_chunk", "duration")
"""The keys of a surface that are a time within which its calls should be; `tokens_per_second` is one as its inverse."""

Seconds = Annotated[float, Field(gt=0, le=86_400, json_schema_extra={"unit": "seconds"})]
FirstSeconds = Annotated[float, Field(gt=0, le=600, json_schema_extra={"unit": "seconds"})]
TokensPerSecond = Annotated[float, Field(gt=0, le=10_000, json_schema_extra={"unit": "tokens per second"})]
Percent = Annotated[float, Field(gt=0, lt=100, json_schema_extra={"unit": "percent"})]
USD = Annotated[float, Field(gt=0, le=1_000_000_000, json_schema_extra={"unit": "USD"})]
Times = Annotated[float, Field(gt=1, le=10_000, json_schema_extra={"unit": "times"})]
Days = Annotated[int, Field(ge=1, le=3_650, json_schema_extra={"unit": "days"})]
Count = Annotated[int, Field(ge=1, le=1_000_000_000, json_schema_extra={"unit": ""})]
SurfaceName = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(values.surface_name)]
ReceiverName = Annotated[str, Field(pattern=values.RECEIVER_NAME, max_length=60), AfterValidator(values.receiver_name)]
TimeZone = Annotated[str, AfterValidator(values.time_zone)]
Text = Annotated[str, Field(min_length=1)]
SecretFile = Annotated[
    str, Field(pattern=values.ABSOLUTE_PATH, json_schema_extra={"unit": "path"}), AfterValidator(values.secret_file)
]
OpenURL = Annotated[str, AfterValidator(values.open_url)]
BaseURL = Annotated[str, AfterValidator(values.base_url)]
Clock = Annotated[str, BeforeValidator(values.unquoted_clock), Field(pattern=values.CLOCK)]
Prices = Annotated[
    dict[str, Any],
    WithJsonSchema({"type": "object", "properties": {key: {} for key in PRICE_KEYS}, "additionalProperties": False}),
]


class Section(BaseModel):
    """Keys of the file. Unknown ones are faults, numbers are not read from text, and nothing below a key is `{}`."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, populate_by_name=True, hide_input_in_errors=True
    )

    @model_validator(mode="before")
    @classmethod
    def empty(cls, data: Any) -> Any:
        """What stands below the key, `{}` where nothing does; the same for sections, mappings and lists within."""
        data = {} if data is None else data
        if not isinstance(data, Mapping):
            return data
        return {key: value for key, value in data.items() if value is not None or not cls.may_be_empty(key)}

    @classmethod
    def may_be_empty(cls, key: Any) -> bool:
        """Whether nothing has to stand below `key`: what is left out of it has defaults."""
        field = next((each for name, each in cls.model_fields.items() if key in (name, each.alias)), None)
        return field is not None and (field.default_factory is not None or isinstance(field.default, Section))


class Budgets(Section):
    """What all calls together may cost. Tickets at 50 % (info) and 80 %, a page at 100 %."""

    daily_usd: USD | None = Field(default=None, description="USD from midnight to midnight in `time_zone`.")
    monthly_usd: USD | None = Field(default=None, description="USD in a calendar month of `time_zone`; also forecast.")


class Spike(Section):
    """When spending has jumped: this hour against the same hour a week ago."""

    times: Times = Field(
        default=3.0, description="So many times the same hour last week: traffic seldom triples within a week."
    )
    at_least_usd: USD = Field(
        default=5.0, description="And at least so much in the hour: below it nobody should be bothered."
    )


class Runaway(Section):
    """When something spends as only a loop does. It pages, since an hour of it is money that does not come back."""

    usd_per_hour: USD = Field(default=50.0, description="The rate at which one call site of one surface may spend.")


class Surface(Section):
    """A named user-facing use of Claude, and what is normal for it."""

    kind: Kind = Field(
        default="chat",
        description="`chat`: somebody waits for the first text (2 s unless set). `long`: somebody waits for the whole "
        "response (60 s unless set). `batch`: nobody waits; only `tokens_per_second`, if set, is watched.",
    )
    time_to_first_text: FirstSeconds | None = Field(
        default=None, description="Until the first text that a user sees. `null` takes the kind's default away."
    )
    time_to_first_chunk: FirstSeconds | None = Field(
        default=None, description="Until the first chunk of a stream, thinking included."
    )
    duration: Seconds | None = Field(default=None, description="Of the whole response.")
    tokens_per_second: TokensPerSecond | None = Field(default=None, description="Output tokens, once they come.")
    within: Percent = Field(
        default=95.0, description="How many of the completed calls must keep each of the latency budgets above."
    )
    availability: Percent = Field(
        default=99.5, description="How many calls must not fail by our fault or the provider's."
    )
    cache_hit_ratio: Percent | None = Field(
        default=None, description="How many of the input tokens should come from the cache."
    )
    daily_usd: USD | None = Field(default=None, description="As `budgets.daily_usd`, of this surface.")
    monthly_usd: USD | None = Field(default=None, description="As `budgets.monthly_usd`, of this surface.")
    spike: Spike | None = Field(default=None, description="In place of `limits.spike`.")
    runaway: Runaway | None = Field(default=None, description="In place of `limits.runaway`.")

    @model_validator(mode="before")
    @classmethod
    def of_its_kind(cls, data: Any) -> Any:
        """What is given over the budgets of the kind; a default that what is given rules out is not one."""
        data = {} if data is None else data
        if not isinstance(data, Mapping):
            return data
        kind = data.get("kind", "chat")
        usual = KIND_DEFAULTS.get(kind, {}) if isinstance(kind, str) else {}
        first, whole = data.get("time_to_first_text"), data.get("duration")
        if "time_to_first_text" in usual and isinstance(whole, (int, float)) and whole < usual["time_to_first_text"]:
            usual = {}
        if "duration" in usual and isinstance(first, (int, float)) and first > usual["duration"]:
            usual = {}
        return {**usual, **data}

    @property
    def latency_budgets(self) -> dict[str, float]:
        """The latency budgets that the surface has, in seconds, by key."""
        found = {key: getattr(self, key) for key in LATENCY_BUDGETS}
        return {key: value for key, value in found.items() if value is not None}


class LatencyBurn(Section):
    """How fast the error budget of a latency target (`within`) may burn: 1 uses it up in exactly 30 days."""

    fast: Annotated[float, Field(gt=1, le=1000)] = Field(
        default=6.0, description="Over 1 h and the last 5 min. With `within: 95`: 30 % of the calls too slow."
    )
    slow: Annotated[float, Field(gt=1, le=1000)] = Field(
        default=2.0, description="Over 6 h and the last 30 min. With `within: 95`: 10 % of the calls too slow."
    )


class AvailabilityBurn(Section):
    """How fast the error budget of `availability` may burn: 1 uses it up in exactly 30 days."""

    fast: Annotated[float, Field(gt=1, le=1000)] = Field(
        default=14.4,
        description="Over 1 h and the last 5 min: 2 % of a month's budget in an hour. At 99.5 %: 7.2 % of calls fail.",
    )
    slow: Annotated[float, Field(gt=1, le=1000)] = Field(
        default=6.0,
        description="Over 6 h and the last 30 min: 5 % of a month's budget. At 99.5 %: 3 % of the calls fail.",
    )


class TelemetryAbsent(Section):
    """When a service instance that should still be there has gone silent."""

    lived_seconds: Seconds = Field(
        default=3600.0, description="Instances that lived for less are scripts, which may end when they like."
    )
    silent_seconds: Seconds = Field(
        default=600.0, description="Ten exports missed at the usual minute: more than a restart, less than an incident."
    )


class CacheLoss(Section):
    """When writing to the cache costs more than reading from it saves."""

    usd_per_day: USD = Field(default=1.0, description="The loss in a day from which on it is worth a ticket.")


class Floor(Section):
    """The traffic below which a ratio says nothing: one failed call of two is no error rate of 50 %."""

    calls: Count = Field(
        default=20,
        description="Calls (or attempts) within the window of an alert: with 20, one failure alone is not over 5 %.",
    )
    input_tokens: Count = Field(
        default=100_000,
        description="Input tokens within the window of an alert on the cache: some tens of cached prompts.",
    )


class Limits(Section):
    """Every threshold of an alert that is no budget of a surface."""

    error_ratio: Percent = Field(
        default=5.0,
        description="Calls of a surface that fail, by who is to blame, over 5 min: users notice one in twenty.",
    )
    latency_p95: Seconds = Field(
        default=10.0,
        description="The 95th percentile of completed calls on surfaces without a latency budget of their own.",
    )
    latency_burn: LatencyBurn = LatencyBurn()
    availability_burn: AvailabilityBurn = AvailabilityBurn()
    overloaded_ratio: Percent = Field(
        default=10.0,
        description="Attempts that the API answers with 529, over 5 min: retries no longer hide one in ten.",
    )
    authentication_failures: Count = Field(
        default=3,
        description="Calls refused with 401 or 403 within 10 min: a key is gone, and it does not heal by itself.",
    )
    model_gone_calls: Count = Field(
        default=1,
        description="Calls refused with 404 within 10 min: a retired or misspelled model, every call will fail.",
    )
    telemetry_absent: TelemetryAbsent = TelemetryAbsent()
    spike: Spike = Spike()
    runaway: Runaway = Runaway()
    cache_drop: Percent = Field(
        default=50.0, description="A hit ratio below this share of its own week is a break, not a shift of traffic."
    )
    cache_loss: CacheLoss = CacheLoss()
    rate_limit_headroom: Percent = Field(
        default=10.0, description="What is left of a rate limit: below a tenth the next peak is refused."
    )
    attempts_per_call: Annotated[float, Field(gt=1, le=100, json_schema_extra={"unit": "attempts"})] = Field(
        default=1.5, description="HTTP attempts for one call: every second call needs a retry."
    )
    streams_cut: Percent = Field(
        default=2.0, description="Streams that end before their end: users see half an answer, and no error is counted."
    )
    max_tokens_stops: Percent = Field(
        default=5.0, description="Answers cut at `max_tokens`: the limit is too small for what is asked."
    )
    refusals: Percent = Field(
        default=5.0,
        description="Answers that are refusals: a prompt or a model has changed, or somebody is trying things.",
    )
    collector_queue: Percent = Field(
        default=50.0, description="How full the Collector's queue may be: half of it is what an outage still has."
    )
    zone_table_days: Days = Field(
        default=60, description="A ticket so long before the generated clock changes of `time_zone` end."
    )
    floor: Floor = Floor()


class Models(Section):
    """Which models may be called, and when to hear that one retires."""

    allowed: Annotated[list[Text], Field(min_length=1)] | None = Field(
        default=None, description="Model ids, with `*`; a ticket when another is called. All are allowed unless set."
    )
    pinned: bool = Field(
        default=True,
        description="A ticket when a model is called by a moving alias, such as `claude-sonnet-4-5` or `-latest`.",
    )
    retiring_page_days: Days = Field(
        default=14, description="A page so long before a model in use retires: two weeks to move."
    )
    retiring_ticket_days: Days = Field(
        default=60, description="A ticket so long before: the notice that Anthropic gives at least."
    )
    lifecycle_file: Text | None = Field(
        default=None,
        description="Retirement dates as `claude-otel models refresh` writes them; relative to this file. The dates "
        "that came with claude-otel unless set.",
    )
    lifecycle_data_days: Days = Field(
        default=60, description="A ticket when those dates are older: a notice may have been given since."
    )


class PagerDuty(Section):
    """PagerDuty, Events API v2."""

    routing_key_file: SecretFile = Field(description="A file with the integration's routing key.")
    url: OpenURL | None = Field(default=None, description="Another address of the Events API.")


class Slack(Section):
    """An incoming webhook of Slack, or of what understands its messages."""

    webhook_url_file: SecretFile = Field(description="A file with the address of the incoming webhook.")
    channel: Text | None = Field(default=None, description="Another channel than the webhook's own.")


class Opsgenie(Section):
    """Opsgenie."""

    api_key_file: SecretFile = Field(description="A file with the API key.")
    region: Literal["us", "eu"] = Field(default="us", description="Where the account is.")


class Webhook(Section):
    """Any address that takes Alertmanager's JSON by POST. Either `url` or `url_file`."""

    url: OpenURL | None = Field(default=None, description="An address without a secret in it.")
    url_file: SecretFile | None = Field(default=None, description="A file with an address that has a secret in it.")
    token_file: SecretFile | None = Field(default=None, description="A file with a bearer token.")

    @model_validator(mode="after")
    def one_address(self) -> Webhook:
        """Checks that there is exactly one address."""
        if (self.url is None) == (self.url_file is None):
            what = "has neither `url` nor `url_file`" if self.url is None else "has both `url` and `url_file`"
            raise PydanticCustomError("fault", "{what}", {"what": f"{what}; give one of them"})
        return self


class Email(Section):
    """Mail through a server of yours."""

    to: Annotated[str, AfterValidator(values.addresses)] = Field(description="One or more addresses, with commas.")
    sender: Annotated[str, AfterValidator(values.addresses)] = Field(
        alias="from", description="The address that it comes from."
    )
    smarthost: Annotated[str, AfterValidator(values.host_and_port)] = Field(description="The server, as `host:port`.")
    username: Text | None = Field(default=None, description="The name to log in with.")
    password_file: SecretFile | None = Field(default=None, description="A file with the password.")
    require_tls: bool = Field(default=True, description="Refuse a server that does not speak TLS.")


class Receiver(Section):
    """Somebody who is told, by one way or by several."""

    pagerduty: PagerDuty | None = None
    slack: Slack | None = None
    opsgenie: Opsgenie | None = None
    webhook: Webhook | None = None
    email: Email | None = None

    @model_validator(mode="after")
    def some_way(self) -> Receiver:
        """Checks that there is a way to tell it."""
        if not any(getattr(self, name) for name in type(self).model_fields):
            ways = ", ".join(type(self).model_fields)
            raise PydanticCustomError("fault", "{what}", {"what": f"has no way to be told; give one of {ways}"})
        return self


class Route(Section):
    """Alerts that match all that is given go to `receiver`; the first route that matches holds."""

    receiver: Text = Field(description="The name of a receiver.")
    severity: Severity | None = Field(default=None, description="`page`, `ticket` or `info`; any unless set.")
    category: Category | None = Field(default=None, description=f"`{'`, `'.join(get_args(Category))}`; any unless set.")
    surface: SurfaceName | None = Field(default=None, description="Alerts about this surface only.")
    go_on: bool = Field(
        default=False, alias="continue", description="Look at the routes below as well, so that more than one is told."
    )


class Watchdog(Section):
    """Who misses the Watchdog: a service that raises the alarm when it is not told every minute that all is well."""

    webhook: Webhook


class Mute(Section):
    """When tickets wait. Pages never do. Times are of `time_zone`."""

    weekdays: list[Weekday] = Field(default_factory=list, description="Whole days.")
    start: Clock | None = Field(
        default=None, alias="from", description='The time of day from which on, such as `"19:00"`.'
    )
    end: Clock | None = Field(
        default=None, alias="to", description='The time of day until which, such as `"08:00"`; may be on the next day.'
    )


class Notify(Section):
    """Who is told what. Without a receiver all goes to a log on the stack's own machine, and nobody wakes up."""

    receivers: dict[ReceiverName, Receiver] = Field(default_factory=dict, description="By a name of your choice.")
    routes: list[Route] = Field(default_factory=list, description="Who is told what; the first that matches holds.")
    default: Text | None = Field(
        default=None,
        description="The receiver of what no route matches. The only receiver, if there is one; else the local log.",
    )
    watchdog: Watchdog | None = Field(
        default=None, description="A dead man's switch: who notices that the stack is dead."
    )
    mute_tickets: Mute | None = Field(default=None, description="When tickets wait.")

    @property
    def fallback(self) -> str | None:
        """The receiver of what no route matches; `None` is the local log."""
        if self.default is not None or len(self.receivers) != 1 or self.routes:
            return self.default
        return next(iter(self.receivers))


class Links(Section):
    """Where the links of a notification lead."""

    dashboards: BaseURL = Field(default="http://127.0.0.1:3000", description="Grafana's address, as people reach it.")
    runbooks: Annotated[str, AfterValidator(values.runbooks)] = Field(
        default="alerts/runbooks",
        description="Where the pages of alerts/runbooks/ can be read: an address, or a folder.",
    )


class Rule(Section):
    """Calls made at a call site that matches belong to a surface."""

    match: Text = Field(description="`module:function`, with `*` and `?`; a module alone means all of it.")
    surface: SurfaceName = Field(description="The surface they belong to.")


class Attribution(Section):
    """Which surface calls belong to, where the code does not say."""

    rules: list[Rule] = Field(default_factory=list, description="The first that matches a call site holds.")


class Config(Section):
    """What is normal for a team that uses Claude. An empty file is a good one."""

    time_zone: TimeZone = Field(
        default="UTC", description="Whose midnight begins the day and the month of the budgets."
    )
    budgets: Budgets = Budgets()
    surfaces: Annotated[dict[SurfaceName, Surface], Field(max_length=50)] = Field(
        default_factory=dict, description="By name. Surfaces that are not listed are measured all the same."
    )
    limits: Limits = Limits()
    models: Models = Models()
    retention_days: Annotated[int, Field(ge=40, le=3_650, json_schema_extra={"unit": "days"})] = Field(
        default=40, description="How long Prometheus keeps data: a month and its forecast need 40 days at least."
    )
    notify: Notify = Notify()
    links: Links = Links()
    attribution: Attribution = Attribution()
    prices: Prices = Field(default_factory=dict, description="Own prices, discounts and aliases: see pricing.md.")

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the budgets."""
        return ZoneInfo(self.time_zone)

    def spike(self, surface: str) -> Spike:
        """When the spending of `surface` has jumped."""
        own = self.surfaces[surface].spike if surface in self.surfaces else None
        return own or self.limits.spike

    def runaway(self, surface: str) -> Runaway:
        """When `surface` spends as only a loop does."""
        own = self.surfaces[surface].runaway if surface in self.surfaces else None
        return own or self.limits.runaway
