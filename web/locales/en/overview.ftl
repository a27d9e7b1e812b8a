overview-lead = The whole fleet as it is now. The figures keep themselves up to date.
count-terminals = Terminals
count-online = Online
count-offline = Offline
count-pending = Awaiting approval
count-pending-note = Please review
overview-faults = Faults by kind
overview-no-terminals = No terminal is enrolled yet. Issue an enrolment token and hand it to the terminal's installer.
overview-first-token = Enrolment tokens
overview-no-faults = No faults found.
overview-jobs = Recent work
overview-no-jobs = No work yet.
job-when = Accepted
count-faulty = Terminals with faults
overview-versions = Versions in use
overview-presence = Online, last 7 days
overview-today = Changed today
overview-map = By prefecture
overview-nobody-online = No terminal is connected, so nothing is known of how they are now.
overview-to-offline = Terminals that are offline
overview-to-list = To the list of terminals
chart-csv = Save as CSV
chart-table = As a table
chart-sum = Cumulative
versions-others = Others
versions-unknown = unknown: { $count }
presence-now = { $count } of { $of }
presence-lowest = fewest { $count } ({ $at })
presence-from = 7 days ago
presence-to = now
presence-day = Day
presence-least = Fewest
presence-most = Most
presence-none = not recorded
today-since = since { $at }
today-nothing = Nothing has changed today yet.
today-opened = Faults found
today-closed = Faults gone
today-terminals = New terminals
today-jobs = Work ordered
prefecture = Prefecture
map-says = Figure and depth are the share of terminals with faults. A tile opens its list.
map-unknown = { $count ->
    [one] Of 1 terminal nobody knows where it stands.
   *[other] Of { $count } terminals nobody knows where they stand.
}
map-no-terminals = It appears when terminals are enrolled.
map-not-known = Where the terminals stand is not known yet. It appears with their institution codes or the ledger.
tile-title = { $name }: terminals { $terminals }, with faults { $faulty }, offline { $offline }
jobs-now = running { $running }, waiting { $waiting }
fault-share = Share of terminals
overview-more-faults = { $count ->
    [one] 1 more kind of fault
   *[other] { $count } more kinds of fault
}
today-others = { $count ->
    [one] 1 more kind
   *[other] { $count } more kinds
}
