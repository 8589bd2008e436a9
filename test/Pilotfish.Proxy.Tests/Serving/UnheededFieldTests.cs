using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Testing;
using Cluster = Envoy.Config.Cluster.V3.Cluster;
using RetryPolicy = Envoy.Config.Route.V3.RetryPolicy;

namespace Pilotfish.Proxy.Tests.Serving;

/// <summary>Holds <see cref="UnheededFields"/> to the code and to the page that operators read.</summary>
public sealed class UnheededFieldTests
{
    private static readonly HashSet<string> s_reads = FieldReads.Find();

    public static TheoryData<string> Messages => [.. UnheededTables.All.Select(static entry => entry.Message.FullName)];

    [Theory]
    [MemberData(nameof(Messages))]
    public void Field_IsReadOrInTheTable(string message)
    {
        (MessageDescriptor descriptor, List<(string Name, bool, string)> rows) = UnheededTables.All.Single(entry => entry.Message.FullName == message);
        var wrong = new List<string>();
        foreach (FieldDescriptor field in descriptor.Fields.InDeclarationOrder())
        {
            bool isListed = rows.Exists(row => row.Name == field.Name);
            if (isListed ? IsTaken(field) : !IsTaken(field) && !IsAskedFor(field))
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

        Assert.Equal(string.Join('\n', UnheededTables.PageRows()), string.Join('\n', told));
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
    public void PropertyOfTheSameName_OfAnotherMessage_DoesNotCount()
    {
        Assert.Contains("Envoy.Config.Core.V3.Http2ProtocolOptions.OverrideStreamErrorOnInvalidHttpMessage", s_reads);
        Assert.DoesNotContain("Envoy.Config.Core.V3.Http1ProtocolOptions.OverrideStreamErrorOnInvalidHttpMessage", s_reads);
    }

    [Theory]
    [InlineData("header_prefix: x-mine", "header_prefix: headers begin with x-envoy")]
    [InlineData("admin: {allow_paths: [{exact: /ready}, {}]}", "admin.allow_paths[1]: the string matcher has no pattern")]
    [InlineData("dynamic_resources: {lds_resources_locator: xdstp://a}", "dynamic_resources.lds_resources_locator: xdstp names")]
    public void RefusedField_OfTheBootstrap_IsNamed(string yaml, string problem) => LoopRunner.Run(loop =>
    {
        BootstrapRejectedException refused = Assert.Throws<BootstrapRejectedException>(() => ProxyApp.Build(new ProxyInputs
        {
            Bootstrap = Pilotfish.Api.Messages.MessageReader.Parse<Envoy.Config.Bootstrap.V3.Bootstrap>(yaml, "b.yaml").Message!,
            Options = new ServeOptions { ValidateOnly = true },
            MainLoop = loop,
        }));
        Assert.Contains(refused.Problems, one => one.StartsWith(problem, StringComparison.Ordinal));
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

    // By the property of this very message.
    private static bool IsTaken(FieldDescriptor field)
    {
        string type = field.ContainingType.ClrType.FullName!;
        return s_reads.Contains($"{type}.{field.PropertyName}") || s_reads.Contains($"{type}.Has{field.PropertyName}");
    }

    // A member of a oneof that says no more than that it is the one.
    private static bool IsAskedFor(FieldDescriptor field) => field.RealContainingOneof is { } oneof
        && s_reads.Contains($"{field.ContainingType.ClrType.FullName}.{CaseName(oneof)}");

    private static string CaseName(OneofDescriptor oneof) =>
        string.Concat(oneof.Name.Split('_').Select(static part => char.ToUpperInvariant(part[0]) + part[1..])) + "Case";

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
