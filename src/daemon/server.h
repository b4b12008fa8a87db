/* sagong server: the control plane in one process. */
#pragma once
int server_main(int argc, char **argv);
