using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.Matching.CommonInputs.TransportSocket.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.Tls;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using static Pilotfish.Proxy.Tests.Matching.MatchMessages;
using Cluster = Envoy.Config.Cluster.V3.Cluster;
using Matcher = global::Xds.Type.Matcher.V3.Matcher;

namespace Pilotfish.Proxy.Tests.Tls;

/// <summary>Cluster.transport_socket_matcher: which transport a connection to an endpoint has.</summary>
public sealed class TransportMatcherTests
{
    public static TheoryData<string, Matcher, bool> Matchers => new()
    {
        { "endpoint", Map(Endpoint("envoy.lb", "mode"), false, null, ("tls", Act(Name("tls")))), true },
        { "endpoint, envoy.lb by default", Map(Endpoint("", "mode"), false, null, ("tls", Act(Name("tls")))), true },
        { "number", Map(Endpoint("", "level"), false, null, ("3", Act(Name("tls")))), true },
        { "boolean", Map(Endpoint("", "on"), false, null, ("true", Act(Name("tls")))), true },
        { "other endpoint", Map(Endpoint("", "mode"), false, null, ("plain", Act(Name("tls")))), false },
        { "locality", Map(Locality("near", "zone"), true, null, ("eu-", Act(Name("tls")))), true },
        { "locality's is not the endpoint's", Map(Locality("", "mode"), false, null, ("tls", Act(Name("tls")))), false },
        { "no match leads elsewhere", Map(Endpoint("", "none"), false, Act(Name("tls")), ("a", Act(Name("plain")))), true },
        { "no state", Map(new FilterStateInput { Key = "k" }, false, null, ("v", Act(Name("tls")))), false },
    };

    [Theory]
    [MemberData(nameof(Matchers))]
    public void Endpoint_HasTheTransportOfItsMatch(string label, Matcher matcher, bool encrypts) => LoopRunner.Run(loop =>
    {
        (ClusterModel model, Host host) = Compile(new TransportFixture(loop), matcher);
        Assert.True(model.Transport.For(host).Encrypts == encrypts, label);
        return Task.CompletedTask;
    });

    [Theory]
    [InlineData("v", FilterStateSharing.Once, true)]
    [InlineData("v", FilterStateSharing.Transitive, true)]
    [InlineData("v", FilterStateSharing.None, false)]
    [InlineData("w", FilterStateSharing.Once, false)]
    public void SharedState_DecidesForTheConnectionsMadeUnderIt(string value, FilterStateSharing sharing, bool encrypts) => LoopRunner.Run(loop =>
    {
        (ClusterModel model, Host host) = Compile(
            new TransportFixture(loop), Map(new FilterStateInput { Key = "k" }, false, null, ("v", Act(Name("tls")))));
        var connection = new ConnectionInfo();
        connection.EnsureFilterState().Set("k", new FilterStateText(value), sharing: sharing);
        UpstreamTransportOverrides? overrides = UpstreamOverrides.Of(connection, connection.FilterState, model);
        Assert.Equal(sharing != FilterStateSharing.None, overrides?.MatchState is not null);
        Assert.Equal(encrypts, model.Transport.For(host, overrides).Encrypts);

        // Equal values share connections, others do not.
        var other = new ConnectionInfo();
        other.EnsureFilterState().Set("k", new FilterStateText(value), sharing: sharing);
        Assert.Equal(overrides, UpstreamOverrides.Of(other, other.FilterState, model));
        other.FilterState!.Set("k", new FilterStateText("x"), sharing: FilterStateSharing.Once);
        Assert.NotEqual(overrides, UpstreamOverrides.Of(other, other.FilterState, model));
        return Task.CompletedTask;
    });

    [Fact]
    public void LocalityMetadata_WithoutAMatcher_CountsAfterTheEndpoints() => LoopRunner.Run(loop =>
    {
        (ClusterModel model, Host host) = Compile(new TransportFixture(loop), null, static cluster =>
        {
            cluster.TransportSocketMatches[0].Match = new Struct { Fields = { ["mode"] = Value.ForString("tls") } };
            cluster.TransportSocketMatches[1].Match = new Struct { Fields = { ["mode"] = Value.ForString("plain") } };
            cluster.LoadAssignment.Endpoints[0].Metadata.FilterMetadata["envoy.transport_socket_match"] =
                new Struct { Fields = { ["mode"] = Value.ForString("tls") } };
        });
        Assert.True(model.Transport.For(host).Encrypts);
        return Task.CompletedTask;
    });

    public static TheoryData<string, Matcher, Action<Cluster>, string> Wrong => new()
    {
        { "no such name", List(Act(Name("other"))), static _ => { }, "transport_socket_matcher.on_no_match.action.typed_config.name: transport_socket_matches has no 'other'" },
        { "other action", List(Act(new StringValue { Value = "tls" })), static _ => { }, "has type 'google.protobuf.StringValue'" },
        { "other input", Map(new Envoy.Extensions.Matching.CommonInputs.Network.V3.SourceIPInput(), false, null, ("a", Act(Name("tls")))), static _ => { }, "SourceIPInput" },
        { "no path", Map(new EndpointMetadataInput(), false, null, ("a", Act(Name("tls")))), static _ => { }, "input.typed_config.path: it is empty" },
        { "no key", Map(new FilterStateInput(), false, null, ("a", Act(Name("tls")))), static _ => { }, "input.typed_config.key: it names no object" },
        { "same names", List(Act(Name("tls"))), static cluster => cluster.TransportSocketMatches[1].Name = "tls", "transport_socket_matches[1].name: 'tls' is empty or stands there twice" },
        { "no names", List(Act(Name("tls"))), static cluster => cluster.TransportSocketMatches[0].Name = "", "transport_socket_matches[0].name" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Matcher_ThatIsWrong_IsRefusedByItsField(string label, Matcher matcher, Action<Cluster> change, string problem) => LoopRunner.Run(loop =>
    {
        Cluster cluster = Message(matcher);
        change(cluster);
        string answer = string.Join('\n', new TransportFixture(loop).Apply(cluster));
        Assert.True(answer.Contains(problem, StringComparison.Ordinal), label + ": " + answer);
        return Task.CompletedTask;
    });

    private static (ClusterModel Model, Host Host) Compile(TransportFixture fixture, Matcher? matcher, Action<Cluster>? change = null)
    {
        Cluster cluster = Message(matcher);
        change?.Invoke(cluster);
        Assert.Empty(fixture.Apply(cluster));
        ClusterState state = fixture.Context.Clusters.Reference("m").Current!;
        return (state.Config, new Host(AssignmentCompiler.Compile(cluster.LoadAssignment, false, "").Hosts[0], 1, 0));
    }

    private static Cluster Message(Matcher? matcher)
    {
        Cluster cluster = TransportFixture.StaticCluster("m", NetAddress.Loopback(1));
        cluster.TransportSocketMatcher = matcher;
        cluster.TransportSocketMatches.Add(new Cluster.Types.TransportSocketMatch { Name = "tls", TransportSocket = TlsMessages.Socket(new UpstreamTlsContext()) });
        cluster.TransportSocketMatches.Add(new Cluster.Types.TransportSocketMatch
        {
            Name = "plain", TransportSocket = new TransportSocket { Name = "envoy.transport_sockets.raw_buffer" },
        });
        cluster.LoadAssignment.Endpoints[0].Metadata = new Metadata
        {
            FilterMetadata = { ["near"] = new Struct { Fields = { ["zone"] = Value.ForString("eu-1") } } },
        };
        cluster.LoadAssignment.Endpoints[0].LbEndpoints[0].Metadata = new Metadata
        {
            FilterMetadata =
            {
                ["envoy.lb"] = new Struct
                {
                    Fields = { ["mode"] = Value.ForString("tls"), ["level"] = Value.ForNumber(3), ["on"] = Value.ForBool(true) },
                },
            },
        };
        return cluster;
    }

    private static TransportSocketNameAction Name(string name) => new() { Name = name };

    private static EndpointMetadataInput Endpoint(string filter, string key) => new()
    {
        Filter = filter, Path = { new EndpointMetadataInput.Types.PathSegment { Key = key } },
    };

    private static LocalityMetadataInput Locality(string filter, string key) => new()
    {
        Filter = filter, Path = { new LocalityMetadataInput.Types.PathSegment { Key = key } },
    };
}
