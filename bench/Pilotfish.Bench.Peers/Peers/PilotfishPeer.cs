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
        if (!System.IO.File.Exists(program))
        {
            return null;
        }

        string file = setup.PathOf($"pilotfish-{setup.Log}.json");
        System.IO.File.WriteAllText(file, Bootstrap(setup).ToJsonString());
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
            ["clusters"] = new JsonArray(Cluster(setup)),
        },
    };

    private static JsonObject Cluster(PeerSetup setup)
    {
        var cluster = new JsonObject
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
        };
        if (setup.Mode.UpstreamHttp2)
        {
            cluster["typed_extension_protocol_options"] = new JsonObject
            {
                ["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"] = new JsonObject
                {
                    ["@type"] = Extensions + "upstreams.http.v3.HttpProtocolOptions",
                    ["explicit_http_config"] = new JsonObject { ["http2_protocol_options"] = new JsonObject() },
                },
            };
        }

        if (setup.UpstreamTls is { } files)
        {
            JsonObject common = TlsContext(files, files.Client, files.ClientKey);
            common["validation_context"] = new JsonObject { ["trusted_ca"] = File(files.Roots) };
            cluster["transport_socket"] = TransportSocket(new JsonObject
            {
                ["@type"] = Extensions + "transport_sockets.tls.v3.UpstreamTlsContext", ["common_tls_context"] = common, ["sni"] = "server",
            });
        }

        return cluster;
    }

    private static JsonObject FilterChain(PeerSetup setup)
    {
        var chain = new JsonObject
        {
            ["filters"] = new JsonArray(setup.Mode.Load == LoadKind.Tcp ? TcpProxy() : ConnectionManager(setup)),
        };
        if (setup.Tls is { } files)
        {
            JsonObject common = TlsContext(files, files.Server, files.ServerKey);
            if (setup.MutualTls)
            {
                common["validation_context"] = new JsonObject { ["trusted_ca"] = File(files.Roots) };
            }

            if (setup.Mode.IstioTls)
            {
                common["tls_params"] = new JsonObject
                {
                    ["tls_minimum_protocol_version"] = "TLSv1_2",
                    ["tls_maximum_protocol_version"] = "TLSv1_3",
                    ["cipher_suites"] = new JsonArray([.. TlsFiles.IstioCiphers.Split(':').Select(name => (JsonNode)name)]),
                };
                common["alpn_protocols"] = new JsonArray("h2", "http/1.1");
            }

            chain["transport_socket"] = TransportSocket(new JsonObject
            {
                ["@type"] = Extensions + "transport_sockets.tls.v3.DownstreamTlsContext",
                ["common_tls_context"] = common,
                ["require_client_certificate"] = setup.MutualTls,
            });
        }

        return chain;
    }

    private static JsonObject TlsContext(TlsFiles files, string certificate, string key) => new()
    {
        ["tls_certificates"] = new JsonArray(new JsonObject { ["certificate_chain"] = File(certificate), ["private_key"] = File(key) }),
    };

    private static JsonObject File(string name) => new() { ["filename"] = name };

    private static JsonObject TransportSocket(JsonObject config) => new()
    {
        ["name"] = "envoy.transport_sockets.tls", ["typed_config"] = config,
    };

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
                ["virtual_hosts"] = VirtualHosts(setup.Mode.Hosts),
                ["request_headers_to_add"] = new JsonArray(new JsonObject
                {
                    ["header"] = new JsonObject { ["key"] = "x-bench", ["value"] = "1" },
                }),
            },
            ["http_filters"] = HttpFilters(setup),
        };
        if (setup.Mode.WebSocket)
        {
            config["upgrade_configs"] = new JsonArray(new JsonObject { ["upgrade_type"] = "websocket" });
        }

        if (AccessLogConfig.Of(setup) is { } log)
        {
            config["access_log"] = log;
        }

        return new JsonObject { ["name"] = "envoy.filters.network.http_connection_manager", ["typed_config"] = config };
    }

    /// <summary>The router; in a pair of sidecars behind the filters that istiod sends to every one of them.</summary>
    private static JsonArray HttpFilters(PeerSetup setup)
    {
        var filters = new JsonArray();
        if (setup.Mode.Pair)
        {
            string side = setup.Tls is null ? "upstream" : "downstream";
            Add("istio.metadata_exchange", "type.googleapis.com/udpa.type.v1.TypedStruct", new JsonObject
            {
                ["type_url"] = "type.googleapis.com/io.istio.http.peer_metadata.Config",
                ["value"] = new JsonObject
                {
                    [side + "_discovery"] = new JsonArray(new JsonObject { ["istio_headers"] = new JsonObject() }),
                    [side + "_propagation"] = new JsonArray(new JsonObject { ["istio_headers"] = new JsonObject() }),
                },
            });
            Add("envoy.filters.http.grpc_stats", Extensions + "filters.http.grpc_stats.v3.FilterConfig", new JsonObject
            {
                ["emit_filter_state"] = true, ["stats_for_all_methods"] = false,
            });
            Add("envoy.filters.http.fault", Extensions + "filters.http.fault.v3.HTTPFault", []);
            Add("envoy.filters.http.cors", Extensions + "filters.http.cors.v3.Cors", []);
            Add("istio.stats", "type.googleapis.com/stats.PluginConfig", []);
        }

        Add("envoy.filters.http.router", Extensions + "filters.http.router.v3.Router", []);
        return filters;

        void Add(string name, string type, JsonObject config)
        {
            config["@type"] = type;
            filters.Add(new JsonObject { ["name"] = name, ["typed_config"] = config });
        }
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
