/* Every command's entry point, for the table in commands.c. */
#ifndef IEMS_CLI_COMMANDS_H
#define IEMS_CLI_COMMANDS_H

#include "cli/cli.h"

/* One per file cmd_*.c. */
int cmd_alias_add(struct cli *c, int argc, char **argv);
int cmd_alias_delete(struct cli *c, int argc, char **argv);
int cmd_alias_list(struct cli *c, int argc, char **argv);
int cmd_backup(struct cli *c, int argc, char **argv);
int cmd_backup_list(struct cli *c, int argc, char **argv);
int cmd_backup_verify(struct cli *c, int argc, char **argv);
int cmd_certificate_install(struct cli *c, int argc, char **argv);
int cmd_certificate_renew(struct cli *c, int argc, char **argv);
int cmd_certificate_request(struct cli *c, int argc, char **argv);
int cmd_certificate_status(struct cli *c, int argc, char **argv);
int cmd_completion(struct cli *c, int argc, char **argv);
int cmd_config_get(struct cli *c, int argc, char **argv);
int cmd_config_list(struct cli *c, int argc, char **argv);
int cmd_config_reload(struct cli *c, int argc, char **argv);
int cmd_config_set(struct cli *c, int argc, char **argv);
int cmd_config_unset(struct cli *c, int argc, char **argv);
int cmd_dbupdate(struct cli *c, int argc, char **argv);
int cmd_directory_expel(struct cli *c, int argc, char **argv);
int cmd_directory_export(struct cli *c, int argc, char **argv);
int cmd_directory_follow(struct cli *c, int argc, char **argv);
int cmd_directory_import(struct cli *c, int argc, char **argv);
int cmd_directory_invite(struct cli *c, int argc, char **argv);
int cmd_directory_promote(struct cli *c, int argc, char **argv);
int cmd_directory_status(struct cli *c, int argc, char **argv);
int cmd_doctor(struct cli *c, int argc, char **argv);
int cmd_domain_add(struct cli *c, int argc, char **argv);
int cmd_domain_alias(struct cli *c, int argc, char **argv);
int cmd_domain_dns(struct cli *c, int argc, char **argv);
int cmd_domain_delete(struct cli *c, int argc, char **argv);
int cmd_domain_list(struct cli *c, int argc, char **argv);
int cmd_domain_set(struct cli *c, int argc, char **argv);
int cmd_export(struct cli *c, int argc, char **argv);
int cmd_files_cp(struct cli *c, int argc, char **argv);
int cmd_files_get(struct cli *c, int argc, char **argv);
int cmd_files_ls(struct cli *c, int argc, char **argv);
int cmd_files_mkdir(struct cli *c, int argc, char **argv);
int cmd_files_mv(struct cli *c, int argc, char **argv);
int cmd_files_put(struct cli *c, int argc, char **argv);
int cmd_files_rm(struct cli *c, int argc, char **argv);
int cmd_files_usage(struct cli *c, int argc, char **argv);
int cmd_help(struct cli *c, int argc, char **argv);
int cmd_host_key(struct cli *c, int argc, char **argv);
int cmd_host_trust(struct cli *c, int argc, char **argv);
int cmd_host_untrust(struct cli *c, int argc, char **argv);
int cmd_iemsuser(struct cli *c, int argc, char **argv);
int cmd_import(struct cli *c, int argc, char **argv);
int cmd_init(struct cli *c, int argc, char **argv);
int cmd_log_level(struct cli *c, int argc, char **argv);
int cmd_mailq(struct cli *c, int argc, char **argv);
int cmd_queue_bounce(struct cli *c, int argc, char **argv);
int cmd_queue_delete(struct cli *c, int argc, char **argv);
int cmd_queue_header(struct cli *c, int argc, char **argv);
int cmd_queue_hold(struct cli *c, int argc, char **argv);
int cmd_queue_list(struct cli *c, int argc, char **argv);
int cmd_queue_release(struct cli *c, int argc, char **argv);
int cmd_queue_reset(struct cli *c, int argc, char **argv);
int cmd_queue_retry(struct cli *c, int argc, char **argv);
int cmd_atrn(struct cli *c, int argc, char **argv);
int cmd_etrn(struct cli *c, int argc, char **argv);
int cmd_queue_run(struct cli *c, int argc, char **argv);
int cmd_queue_show(struct cli *c, int argc, char **argv);
int cmd_queue_status(struct cli *c, int argc, char **argv);
int cmd_module_restart(struct cli *c, int argc, char **argv);
int cmd_module_start(struct cli *c, int argc, char **argv);
int cmd_module_stop(struct cli *c, int argc, char **argv);
int cmd_metrics(struct cli *c, int argc, char **argv);
int cmd_rebuild(struct cli *c, int argc, char **argv);
int cmd_restart(struct cli *c, int argc, char **argv);
int cmd_resolve(struct cli *c, int argc, char **argv);
int cmd_restore(struct cli *c, int argc, char **argv);
int cmd_sendmail(struct cli *c, int argc, char **argv);
int cmd_shared_add(struct cli *c, int argc, char **argv);
int cmd_shared_delete(struct cli *c, int argc, char **argv);
int cmd_shared_list(struct cli *c, int argc, char **argv);
int cmd_shared_member(struct cli *c, int argc, char **argv);
int cmd_shared_set(struct cli *c, int argc, char **argv);
int cmd_shared_show(struct cli *c, int argc, char **argv);
int cmd_start(struct cli *c, int argc, char **argv);
int cmd_status(struct cli *c, int argc, char **argv);
int cmd_stop(struct cli *c, int argc, char **argv);
int cmd_store_check(struct cli *c, int argc, char **argv);
int cmd_search_status(struct cli *c, int argc, char **argv);
int cmd_search_rebuild(struct cli *c, int argc, char **argv);
int cmd_table_delete(struct cli *c, int argc, char **argv);
int cmd_table_export(struct cli *c, int argc, char **argv);
int cmd_table_import(struct cli *c, int argc, char **argv);
int cmd_table_list(struct cli *c, int argc, char **argv);
int cmd_table_set(struct cli *c, int argc, char **argv);
int cmd_table_show(struct cli *c, int argc, char **argv);
int cmd_table_unset(struct cli *c, int argc, char **argv);
int cmd_access_test(struct cli *c, int argc, char **argv);
int cmd_tls_check(struct cli *c, int argc, char **argv);
int cmd_tlsrpt(struct cli *c, int argc, char **argv);
int cmd_trace(struct cli *c, int argc, char **argv);
int cmd_undelete_list(struct cli *c, int argc, char **argv);
int cmd_undelete_restore(struct cli *c, int argc, char **argv);
int cmd_upgrade(struct cli *c, int argc, char **argv);

int cmd_user_add(struct cli *c, int argc, char **argv);
int cmd_user_delete(struct cli *c, int argc, char **argv);
int cmd_user_import(struct cli *c, int argc, char **argv);
int cmd_user_list(struct cli *c, int argc, char **argv);
int cmd_user_passwd(struct cli *c, int argc, char **argv);
int cmd_quota_list(struct cli *c, int argc, char **argv);
int cmd_quota_show(struct cli *c, int argc, char **argv);
int cmd_quota_set(struct cli *c, int argc, char **argv);
int cmd_quota_run(struct cli *c, int argc, char **argv);
int cmd_quota_report(struct cli *c, int argc, char **argv);
int cmd_quota_history(struct cli *c, int argc, char **argv);
int cmd_sessions_list(struct cli *c, int argc, char **argv);
int cmd_sessions_show(struct cli *c, int argc, char **argv);
int cmd_sessions_disconnect(struct cli *c, int argc, char **argv);
int cmd_user_slowed(struct cli *c, int argc, char **argv);
int cmd_user_release(struct cli *c, int argc, char **argv);
int cmd_user_set(struct cli *c, int argc, char **argv);
int cmd_user_undelete(struct cli *c, int argc, char **argv);
int user_list_deleted(struct rpc_client *dir, const char *pattern, bool json);
int cmd_user_show(struct cli *c, int argc, char **argv);

/* Parts of commands. */
int user_list_addresses(struct rpc_client *dir); /* addresses of all accounts, one a line; an exit status */
int help_man_conf(void);

#endif
