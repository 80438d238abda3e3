SELECT current_setting('enable_progress_bar'), current_setting('enable_progress_bar_print')
