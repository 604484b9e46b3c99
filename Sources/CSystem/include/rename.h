#pragma once

/// Gives the file at `from` the name `to` in the same folder, in one step; -1 with `errno` EEXIST where that name is
/// taken. File systems that cannot rename so are asked for a second name in place of the first.
int bertconv_rename_without_replacing(const char *from, const char *to);
