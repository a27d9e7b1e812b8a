nav-help = 手引き
help-contents = 手引きの目次
help-table = 表
