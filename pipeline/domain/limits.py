"""Every limit of Heartline, with its unit last in the name."""

# What comes in
RECORD_BYTES_MAX = 1_048_576  # a record's value; larger ones are rejected as too_large
TEXT_CHARS_MAX = 20_000  # of one text that a reader reads; the rest is kept, the reading is marked truncated
JSON_DEPTH_MAX = 64  # nesting of a record's JSON
INNER_BYTES_MAX = 4_194_304  # the value of a record made of one that came in: with what was read, and the briefing
INNER_DEPTH_MAX = 72  # nesting of the same
TOPICS_MAX = 200  # topics of a policy
TOPIC_WORDS_MAX = 500  # words and phrases of one topic
PHRASE_WORDS_MAX = 6  # words of one phrase
HANDLES_MAX = 16  # handles that one feedback may carry
HANDLE_CHARS_MAX = 320  # the longest e-mail address that RFC 3696 allows
NAME_CHARS_MAX = 200  # channel, touchpoint, source, id
FUTURE_SECONDS_MAX = 300  # how far ahead of its arrival a feedback may claim to have been said

# What is worked on at once
BATCH_EVENTS_MAX = 500  # events of one partition handed to an agent at once
GROUP_EVENTS_MAX = 1_000  # events of several partitions carried together
BATCH_BYTES_MAX = 4_194_304  # bytes of the same
READ_CHARS_MAX = 50_000  # read in one go before the event loop gets its turn
READ_SECONDS_MAX = 2.0  # a reader's deadline for one batch
READ_TEXT_SECONDS_MAX = 0.05  # and in addition for each text of it
DEEP_PASSAGES_MAX = 6  # of one text that the deep reader reads, of 126 pieces of words each: about 600 words
DEEP_FREE_TEXTS_MAX = 16  # texts of one call that may go deep before the share counts: who has time reads them all
DEEP_SHARE_MAX = 0.5  # of the texts of a larger call that may go deep; the most doubtful do
RETRY_SECONDS_MAX = 300.0  # how long a shut door is waited for before the worker gives up, unacknowledged
BACKOFF_SECONDS_MAX = 5.0  # between two tries of a shut door
ATTEMPTS_MAX = 3  # times that one batch may kill its worker before it is carried in parts
SUSPECT_EVENTS_MAX = 32  # of such a batch that are carried at once; of such a part of it one by one
DEATHS_MAX = 9 * ATTEMPTS_MAX  # in a row of a worker of `up`: three events, each found as batch, part and by itself
MOVING_PERSONS_MAX = 16  # persons that proved to be others whose timelines are asked for at once
VERSION_TRIES_MAX = 8  # times that a stage decides again when somebody else wrote first
PUBLISH_EVENTS_MAX = 2_000  # events that `publish` has in flight

# What is kept
TIMELINE_MOMENTS_MAX = 1_000  # moments of one person kept with their words; older ones stay in the totals
RECENT_MOMENTS_MAX = 3  # moments told in the briefing of an alert
CORRECTIONS_MAX = 20  # corrections that one moment keeps, the newest
CORRECTIONS_WAITING_MAX = 1_000  # corrections of one person whose moments have not come yet; further ones are rejected
NOTE_CHARS_MAX = 1_000  # of the note of a correction
CASE_ALERTS_MAX = 1_000  # alerts that one case answers; further ones change nothing about it
EXCERPT_CHARS_MAX = 160  # of a text in a briefing
REJECT_DETAIL_CHARS_MAX = 500  # of the detail of a reject
HUNG_SECONDS_MAX = 120.0  # without progress while there is work, after which a worker ends itself
