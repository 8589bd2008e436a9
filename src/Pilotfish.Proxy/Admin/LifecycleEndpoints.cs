using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http1.InternalServer;

namespace Pilotfish.Proxy.Admin;

/// <summary>State changes: quit, drain, health, log rotation.</summary>
internal sealed class LifecycleEndpoints(
    ServerState server, Action reopenLogs, Action quit, Action<DrainRequest> drain)
{
    public IEnumerable<AdminEndpoint> All =>
    [
        AdminEndpoint.Post("/quitquitquit", "exit the server", (_, response) =>
        {
            response.CloseConnection = true;
            response.Write("OK\n");
            quit();
        }),
        AdminEndpoint.Post("/drain_listeners", "drain listeners", (request, response) =>
        {
            drain(new DrainRequest(
                InboundOnly: request.Query("inboundonly") is not null,
                Graceful: request.Query("graceful") is not null,
                SkipExit: request.Query("skip_exit") is not null));
            response.Write("OK\n");
        }),
        AdminEndpoint.Post("/healthcheck/fail", "cause the server to fail health checks", (_, response) =>
        {
            server.FailHealthChecks(true);
            response.Write("OK\n");
        }),
        AdminEndpoint.Post("/healthcheck/ok", "cause the server to pass health checks", (_, response) =>
        {
            server.FailHealthChecks(false);
            response.Write("OK\n");
        }),
        AdminEndpoint.Post("/reopen_logs", "reopen access logs", (_, response) =>
        {
            reopenLogs();
            response.Write("OK\n");
        }),
    ];
}
