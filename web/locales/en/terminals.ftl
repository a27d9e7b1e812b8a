terminals-filter = Filter for terminals
terminals-wrong = What is wrong:
terminals-filter-hint = Computer name, model, serial number, or for example online:no
terminals-chips = Common filters
terminals-total = { $count ->
    [one] 1 terminal
   *[other] { $count } terminals
}
terminals-shown = { $shown } of { $total } shown
terminals-csv = Save as CSV
terminals-xlsx = Save for Excel
terminals-nothing-matches = No terminal matches.
terminals-none = No terminal is enrolled yet.
chip-all = All
chip-online = Online
chip-offline = Offline
chip-faulty = With faults
chip-attention = Needs attention
chip-revoked = Revoked
column-state = State
column-faults = Faults
online = Online
offline = Offline
flag-duplicate = Duplicate
flag-incompatible = Incompatible
flag-active = In good standing
flag-revoked = Revoked
terminals-terms = The present conditions
terminals-without = Remove this condition
terminals-facets = Breakdown and saved views
views = Saved views
views-none = None yet.
view-team = team
view-keep = Save this view
view-name = Name
view-for-team = Show it to the whole team
view-keep-now = Save
view-remove = Delete { $name }
view-forget = Delete a saved view
view-forget-own = Only the saved view goes. Terminals and what is known of them stay as they are.
view-forget-team = The whole team sees this view, and it goes for everybody. Terminals and what is known of them stay as they are.
view-forget-now = Delete it
view-forget-not = Keep it
selection-all = Select all { $count }
selection-kept = { $count ->
    [one] 1 terminal is selected. Work on all that are selected is done on just this one.
   *[other] { $count } terminals are selected. Work on all of them is done on just these.
}
selection-hash = Check value
selection-until = valid until
facet-others = { $kinds ->
    [one] 1 other
   *[other] { $kinds } others
}
columns-choose = Columns
column-add = Add a column
column-add-now = Add
column-remove = Remove this column
column-facility = Facility
term-not = not { $term }
term-text = contains “{ $text }”
term-some = some
value-unknown = Unknown
unknown-not_reported = Not reported yet
chip-serious = Serious
chip-working = At work
done-view-saved = The view is saved.
done-view-removed = The view is deleted.
