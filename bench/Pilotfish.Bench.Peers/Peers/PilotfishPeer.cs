using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Pilotfish.Bench.Peers.Peers;

/// <summary>Ourselves: `serve` with a static Envoy bootstrap and one worker.</summary>
internal sealed class PilotfishPeer(string program) : IPeer
{
    private const string Extensions = "type.googleapis.com/envoy.extensions.";

    public string Name => "pilotfish";

    // The NativeAOT executable needs none; a JIT build does.
    public TimeSpan WarmUp => program.EndsWith(".dll", StringComparison.Ordinal) ? TimeSpan.FromSeconds(10) : TimeSpan.FromSeconds(1);

    public ProcessStartInfo? Configure(PeerSetup setup)
    {
        if (!File.Exists(program))
        {
            return null;
        }

        string file = setup.PathOf($"pilotfish-{setup.Log}.json");
        File.WriteAllText(file, Bootstrap(setup).ToJsonString());
        string[] serve = ["serve", "-c", file, "--concurrency", "1", "-l", "warning"];
        return program.EndsWith(".dll", StringComparison.Ordinal)
            ? new ProcessStartInfo("dotnet", [program, .. serve])
            : new ProcessStartInfo(program, serve);
    }

    private static JsonObject Bootstrap(PeerSetup setup) => new()
    {
        ["admin"] = new JsonObject { ["address"] = Address(setup.AdminPort) },
        ["static_resources"] = new JsonObject
        {
            ["listeners"] = new JsonArray(new JsonObject
            {
                ["name"] = "bench",
                ["address"] = Address(setup.Port),
                ["filter_chains"] = new JsonArray(FilterChain(setup)),
            }),
            ["clusters"] = new JsonArray(new JsonObject
            {
                ["name"] = "backend",
                ["type"] = "STATIC",
                ["connect_timeout"] = "5s",
                ["load_assignment"] = new JsonObject
                {
                    ["cluster_name"] = "backend",
                    ["endpoints"] = new JsonArray(new JsonObject
                    {
                        ["lb_endpoints"] = new JsonArray(new JsonObject
                        {
                            ["endpoint"] = new JsonObject { ["address"] = Address(setup.BackendPort) },
                        }),
                    }),
                },
            }),
        },
    };

    private static JsonObject FilterChain(PeerSetup setup)
    {
        var chain = new JsonObject { ["filters"] = new JsonArray(setup.Tcp ? TcpProxy() : ConnectionManager(setup)) };
        if (setup.Tls is { } files)
        {
            var common = new JsonObject
            {
                ["tls_certificates"] = new JsonArray(new JsonObject
                {
                    ["certificate_chain"] = new JsonObject { ["filename"] = files.Server },
                    ["private_key"] = new JsonObject { ["filename"] = files.ServerKey },
                }),
            };
            if (setup.MutualTls)
            {
                common["validation_context"] = new JsonObject { ["trusted_ca"] = new JsonObject { ["filename"] = files.Roots } };
            }

            chain["transport_socket"] = new JsonObject
            {
                ["name"] = "envoy.transport_sockets.tls",
                ["typed_config"] = new JsonObject
                {
                    ["@type"] = Extensions + "transport_sockets.tls.v3.DownstreamTlsContext",
                    ["common_tls_context"] = common,
                    ["require_client_certificate"] = setup.MutualTls,
                },
            };
        }

        return chain;
    }

    private static JsonObject TcpProxy() => new()
    {
        ["name"] = "envoy.filters.network.tcp_proxy",
        ["typed_config"] = new JsonObject
        {
            ["@type"] = Extensions + "filters.network.tcp_proxy.v3.TcpProxy",
            ["stat_prefix"] = "bench",
            ["cluster"] = "backend",
        },
    };

    private static JsonObject ConnectionManager(PeerSetup setup)
    {
        var config = new JsonObject
        {
            ["@type"] = Extensions + "filters.network.http_connection_manager.v3.HttpConnectionManager",
            ["stat_prefix"] = "bench",
            ["use_remote_address"] = true,
            ["route_config"] = new JsonObject
            {
                ["name"] = "bench",
                ["virtual_hosts"] = VirtualHosts(setup.Hosts),
                ["request_headers_to_add"] = new JsonArray(new JsonObject
                {
                    ["header"] = new JsonObject { ["key"] = "x-bench", ["value"] = "1" },
                }),
            },
            ["http_filters"] = new JsonArray(new JsonObject
            {
                ["name"] = "envoy.filters.http.router",
                ["typed_config"] = new JsonObject { ["@type"] = Extensions + "filters.http.router.v3.Router" },
            }),
        };
        if (AccessLogConfig.Of(setup) is { } log)
        {
            config["access_log"] = log;
        }

        return new JsonObject { ["name"] = "envoy.filters.network.http_connection_manager", ["typed_config"] = config };
    }

    private static JsonArray VirtualHosts(int count)
    {
        var hosts = new JsonArray();
        for (int i = 0; i < count; i++)
        {
            hosts.Add(new JsonObject
            {
                ["name"] = $"service-{i}",
                ["domains"] = new JsonArray($"service-{i}.example.com"),
                ["routes"] = new JsonArray(new JsonObject
                {
                    ["match"] = new JsonObject { ["prefix"] = "/" },
                    ["route"] = new JsonObject { ["cluster"] = "backend" },
                }),
            });
        }

        return hosts;
    }

    private static JsonObject Address(int port) => new()
    {
        ["socket_address"] = new JsonObject { ["address"] = "127.0.0.1", ["port_value"] = port },
    };
}
