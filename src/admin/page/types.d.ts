// The shapes of what the server gives the page. For the type checker alone; never served.

type Tone = "ok" | "warn" | "bad" | "off" | "live" | "wait";

/** What may stand inside an element. */
type Child = Node | string | number | null | undefined | false | Child[];
type Attribute = string | number | boolean | null | undefined | ((event: any) => unknown);
type Attributes = Record<string, Attribute>;

/** What comes with every page behind the sign-in. */
interface Session {
  id: string;
  name: string;
  platform_admin: boolean;
  /** Whether any org's entries may be seen. */
  member: boolean;
  /** Names by id. */
  orgs: Record<string, string>;
  users: Record<string, string>;
  /** The orgs in which the user may operate; `null` is all. */
  operates: string[] | null;
  words: Words;
}

/** The lists of values, and what each means. */
interface Words {
  environments: string[];
  sources: { name: string; counterpart: { name: string; sources: string[] } }[];
  actions: string[];
  classes: { name: string; tone: Tone; meaning: string; next_step: string }[];
  /** What to do, by the reason for which a request did not run. */
  not_run: Record<string, string>;
  statuses: { name: string; tone: Tone }[];
  /** An attempt's phases in their order, and what a measured one did. */
  phases: { name: string; done: string | null }[];
  /** What happens during an attempt, and the instant since which it does. */
  steps: { since: string; text: string }[];
  /** How far back plots go. */
  pasts: string[];
  /** How long before its end a refresh token is warned of. */
  ends_soon_days: number;
  /** Ranges of characters that would not show, or would show others differently. */
  hidden: [number, number][];
}

interface Exchange {
  headers: Record<string, string>;
}
interface ExchangeRequest extends Exchange {
  method: string;
  url: string;
  body: Record<string, string>;
}
interface ExchangeResponse extends Exchange {
  status: number;
  body: unknown;
}

interface Entry {
  id: string;
  /** Only a stored entry has one. */
  position?: number;
  /** Its place in history: what is asked for is older than that. Texts sort as time does. */
  cursor: string;
  created_at: string;
  org_id: string;
  account_id: string;
  account: string;
  house_name: string | null;
  environment: string;
  action: string;
  source: string;
  class: string;
  reason: string | null;
  sent: string;
  request: ExchangeRequest | null;
  response: ExchangeResponse | null;
  error: string | null;
  timings_ms: Record<string, number>;
  attempt: number;
  instance: string;
  version: string;
  triggered_by: string | null;
}

type Filters = Record<string, string>;

interface Page {
  entries: Entry[];
  next_before: string | null;
  /** How far back was looked. */
  searched_to: string | null;
  health: Health;
}

/** What the server finds wrong; commands in a remedy stand in backticks. */
interface Finding {
  weight: string;
  kind: string;
  tone: Tone;
  text: string;
  remedy: string;
}

interface Health {
  at: string;
  live: boolean;
  /** The whole in a sentence, and how it is to be taken. */
  headline: string;
  tone: Tone;
  /** The weightiest first. */
  findings: Finding[];
  /** Texts of those that may be why no entry comes. */
  warnings?: string[];
  workers: number;
  missing: number;
  last_tick_age_seconds: number | null;
  newest_entry_age_seconds: number | null;
  outbox_age_seconds: number | null;
  outbox: number;
  due_backlog: number;
  in_flight: number;
  attempts: number;
  stored: number;
}

interface Account {
  account_id: string;
  account: string;
  house_name: string | null;
  org_id: string;
  org: string;
  environment: string;
  status: string;
  refresh_error: string | null;
  next_step: string | null;
  access_expires_at: string | null;
  refresh_expires_at: string | null;
  /** Whether the seller must soon connect again. */
  ends_soon: boolean;
  last_success_at: string | null;
  last_attempt_at: string | null;
  next_refresh_at: string | null;
  consecutive_failures: number;
  in_flight: boolean;
}

interface KeysetUse {
  client_id: string;
  environment: string;
  state: string;
  state_reason: string | null;
  tone: Tone;
  calls: number;
  daily_quota: number;
  accounts: number;
  demoted: number;
  forecast: { exhausted_in_seconds: number | null; capacity: number };
}

interface StatusCount {
  status: string;
  accounts: number;
  failing: number;
  ending: number;
  last_success_at: string;
}

interface Summary {
  accounts: number;
  statuses: StatusCount[];
  quota: KeysetUse[];
  health: Health;
}

interface Instance {
  id: string;
  role: string;
  version: string;
  commit: string;
  key_ids: string[];
  live: boolean;
  stopped_at: string | null;
  last_seen_at: string;
  in_flight: number;
  state: { tone: Tone; text: string };
  /** Whether it differs from what most live ones run, and hold. */
  odd_version: boolean;
  odd_keys: boolean;
}

interface Queue {
  name: string;
  messages: number;
  consumers: number;
  /** Whether it holds dead letters. */
  dead: boolean;
  state: { tone: Tone; text: string };
}

interface Workers {
  instances: Instance[];
  queues: Queue[] | null;
  scheduler: { last_tick_age_seconds: number | null };
  health: Health;
}

interface Series {
  at: string;
  past_seconds: number;
  step_seconds: number;
  classes: { at: string; class: string; entries: number }[];
  backlog: { at: string; due: number; outbox: number }[] | null;
}

interface DeadLetter {
  key: string;
  message_id: string | null;
  message_type: string | null;
  reason: string | null;
  source_queue: string | null;
  body_bytes: number;
  body: string;
}

/** What was pressed for. */
interface Accepted {
  attempt_id: string;
  published: boolean;
  note?: string;
  in_flight?: string;
}

/** How far an attempt is; an entry has no `state`. */
interface UnderWay {
  state: string;
  phases: { at: string } & Record<string, string | null>;
}

/** Why an answer is not what was asked for. */

/** The terminal of the page, for those who look into it. */
declare var terminal: unknown;
