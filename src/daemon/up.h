/* sagong up: a server with a node, in the background, ready to use; sagong down: the end of it. */
#pragma once
int up_main(int argc, char **argv);
int down_main(int argc, char **argv);
