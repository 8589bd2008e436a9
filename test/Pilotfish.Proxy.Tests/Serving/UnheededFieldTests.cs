using System.Text.RegularExpressions;
using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Testing;
using Cluster = Envoy.Config.Cluster.V3.Cluster;
using RetryPolicy = Envoy.Config.Route.V3.RetryPolicy;
using TcpProxy = Envoy.Extensions.Filters.Network.TcpProxy.V3.TcpProxy;

namespace Pilotfish.Proxy.Tests.Serving;

/// <summary>Holds <see cref="UnheededFields"/> to the code and to the page that operators read.</summary>
public sealed class UnheededFieldTests
{
    // The descriptor, the folders whose code compiles the message, and its rows of the table.
    private static readonly (MessageDescriptor Message, string[] Folders, List<(string Name, bool IsRefused, string Reason)> Rows)[] s_messages =
    [
        (HttpConnectionManager.Descriptor, ["Http"], Rows(UnheededFields.OfConnectionManager)),
        (Http1ProtocolOptions.Descriptor, ["Http", "Http1"], Rows(UnheededFields.OfHttp1)),
        (Http2ProtocolOptions.Descriptor, ["Http2"], Rows(UnheededFields.OfHttp2)),
        (HttpProtocolOptions.Descriptor, ["Http"], Rows(UnheededFields.OfHttp)),
        (RouteConfiguration.Descriptor, ["Routing"], Rows(UnheededFields.OfRouteConfiguration)),
        (VirtualHost.Descriptor, ["Routing"], Rows(UnheededFields.OfVirtualHost)),
        (Route.Descriptor, ["Routing"], Rows(UnheededFields.OfRoute)),
        (RouteAction.Descriptor, ["Routing"], Rows(UnheededFields.OfRouteAction)),
        (WeightedCluster.Types.ClusterWeight.Descriptor, ["Routing"], Rows(UnheededFields.OfClusterWeight)),
        (RouteAction.Types.RequestMirrorPolicy.Descriptor, ["Routing"], Rows(UnheededFields.OfMirrorPolicy)),
        (RetryPolicy.Descriptor, ["Routing"], Rows(UnheededFields.OfRetryPolicy)),
        (Cluster.Descriptor, ["Clusters", "Health", "LoadBalancing", "Http"], Rows(UnheededFields.OfCluster)),
        (Envoy.Config.Cluster.V3.TrackClusterStats.Descriptor, ["Clusters"], Rows(UnheededFields.OfTracking)),
        (Listener.Descriptor, ["Listeners"], Rows(UnheededFields.OfListener)),
        (FilterChain.Descriptor, ["Listeners"], Rows(UnheededFields.OfFilterChain)),
        (TcpProxy.Descriptor, ["Tcp"], Rows(UnheededFields.OfTcpProxy)),
        (DownstreamTlsContext.Descriptor, ["Tls"], Rows(UnheededFields.OfDownstreamTls)),
        (UpstreamTlsContext.Descriptor, ["Tls"], Rows(UnheededFields.OfUpstreamTls)),
        (CommonTlsContext.Descriptor, ["Tls"], Rows(UnheededFields.OfCommonTls)),
        (TlsParameters.Descriptor, ["Tls"], Rows(UnheededFields.OfTlsParameters)),
        (CertificateValidationContext.Descriptor, ["Tls"], Rows(UnheededFields.OfValidation)),
    ];

    public static TheoryData<string> Messages => [.. s_messages.Select(static entry => entry.Message.FullName)];

    [Theory]
    [MemberData(nameof(Messages))]
    public void Field_IsReadOrInTheTable(string message)
    {
        (MessageDescriptor descriptor, string[] folders, List<(string Name, bool, string)> rows) = s_messages.Single(entry => entry.Message.FullName == message);
        string code = string.Concat(folders.SelectMany(Sources).Select(File.ReadAllText));
        var wrong = new List<string>();
        foreach (FieldDescriptor field in descriptor.Fields.InDeclarationOrder())
        {
            bool isListed = rows.Exists(row => row.Name == field.Name);
            if (IsRead(code, field.PropertyName) == isListed)
            {
                wrong.Add(isListed ? $"{field.Name} is read, but listed as without effect" : $"{field.Name} is neither read nor listed");
            }
        }

        wrong.AddRange(rows.Where(row => descriptor.FindFieldByName(row.Name) is null).Select(static row => $"{row.Name} does not exist"));
        Assert.True(wrong.Count == 0, $"{message}: {string.Join("; ", wrong)}");
    }

    [Fact]
    public void Page_TellsTheTable()
    {
        string page = File.ReadAllText(Path.Combine(Root(), "docs", "compatibility.md"));
        int begin = page.IndexOf("## Fields without effect", StringComparison.Ordinal);
        Assert.True(begin >= 0, "docs/compatibility.md has no section 'Fields without effect'");
        int end = page.IndexOf("\n## ", begin + 4, StringComparison.Ordinal);
        string[] told = [.. page[begin..(end < 0 ? page.Length : end)].Split('\n').Where(static line => line.StartsWith("| `", StringComparison.Ordinal))];

        Assert.Equal(string.Join('\n', PageRows()), string.Join('\n', told));
    }

    [Fact]
    public void RefusedField_OfARoute_IsNamed() => LoopRunner.Run(loop =>
    {
        ConfigRejectedException refused = Assert.Throws<ConfigRejectedException>(() => new ProxyBench(loop).Serve(
            configureRoute: static route => route.Route_.RetryPolicy = new RetryPolicy { RetryOptionsPredicates = { new TypedExtensionConfig() } }));

        Assert.Equal("route_config.virtual_hosts[0].routes[0].route.retry_policy.retry_options_predicates", refused.Field);
        return Task.CompletedTask;
    });

    [Fact]
    public void RefusedField_OfACluster_IsNamed() => LoopRunner.Run(loop =>
    {
        var cluster = new Cluster { Name = "a", TransportSocketMatcher = new() };

        Assert.Equal("transport_socket_matcher", Assert.Throws<ConfigRejectedException>(
            () => ClusterCompiler.Compile(cluster, 1, new ProxyBench(loop).Context)).Field);
        return Task.CompletedTask;
    });

    [Fact]
    public void WarnedFields_NameResourceAndField() => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(
            static hcm => hcm.Http2ProtocolOptions = new Http2ProtocolOptions { UseOghttp2Codec = false },
            static route => route.Tracing = new Envoy.Config.Route.V3.Tracing());
        ClusterCompiler.Compile(new Cluster { Name = "far", LrsServer = new ConfigSource(), ConnectTimeout = new Duration { Seconds = 1 } }, 1, bench.Context);

        Assert.Equal(
            [
                "listener 'test': http2_protocol_options.use_oghttp2_codec has no effect: there is one codec",
                "route configuration 'routes': virtual_hosts[0].routes[0].tracing has no effect: requests are not traced",
                "cluster 'far': lrs_server has no effect: load reports are not sent",
            ],
            bench.Context.Warnings.Remarks);
        return Task.CompletedTask;
    });

    [Fact]
    public void UnsetFields_AreNotRemarked() => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve();
        ClusterCompiler.Compile(new Cluster { Name = "far", WaitForWarmOnInit = true }, 1, bench.Context);

        Assert.Empty(bench.Context.Warnings.Remarks);
        return Task.CompletedTask;
    });

    private static IEnumerable<string> PageRows() => s_messages.SelectMany(static entry => entry.Rows.Select(
        row => $"| `{entry.Message.FullName["envoy.".Length..]}` | `{row.Name}` | {(row.IsRefused ? "refused" : "warning")} | {row.Reason} |"));

    private static List<(string Name, bool IsRefused, string Reason)> Rows<T>(UnheededField<T>[] fields) =>
        [.. fields.Select(static field => (field.Name, field.IsRefused, field.Reason))];

    // As a member, as a part of a property pattern, or as the case of a oneof.
    private static bool IsRead(string code, string property) => Regex.IsMatch(
        code, $@"[.?]\s*{property}_?\b|[{{,(]\s*{property}_?(\.\w+)*:|OneofCase\.{property}_?\b");

    private static IEnumerable<string> Sources(string folder) =>
        Directory.EnumerateFiles(Path.Combine(Root(), "src", "Pilotfish.Proxy", folder), "*.cs", SearchOption.AllDirectories);

    private static string Root()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Pilotfish.slnx")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("No Pilotfish.slnx stands above the tests.");
    }
}
