nav-help = Help
help-contents = Contents of the handbooks
help-table = Table
