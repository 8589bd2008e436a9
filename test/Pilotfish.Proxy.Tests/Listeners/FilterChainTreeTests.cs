using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;
using Xds.Type.Matcher.V3;

namespace Pilotfish.Proxy.Tests.Listeners;

/// <summary>filter_chain_matcher: trees and lists over every network input, and what a listener makes of them.</summary>
public sealed class FilterChainTreeTests
{
    private const string Facts = "10.1.2.3:443 192.0.2.7:5555 198.51.100.9:6666 a.b.c tls h2,http/1.1";

    [Theory]
    [InlineData("exact port", "TREE(DestinationPortInput, exact_match_map: {map: {'443': ACT(one), '80': ACT(two)}})", Facts, "one")]
    [InlineData("other port", "TREE(DestinationPortInput, exact_match_map: {map: {'80': ACT(two)}})", Facts, "default")]
    [InlineData("source port", "TREE(SourcePortInput, exact_match_map: {map: {'5555': ACT(one)}})", Facts, "one")]
    [InlineData("exact address", "TREE(DestinationIPInput, exact_match_map: {map: {'10.1.2.3': ACT(one)}})", Facts, "one")]
    [InlineData("source address", "TREE(SourceIPInput, exact_match_map: {map: {'192.0.2.7': ACT(one)}})", Facts, "one")]
    [InlineData("direct source", "TREE(DirectSourceIPInput, exact_match_map: {map: {'198.51.100.9': ACT(one)}})", Facts, "one")]
    [InlineData("longest prefix", "TREE(ServerNameInput, prefix_match_map: {map: {'a': ACT(one), 'a.b': ACT(two), 'a.b.c.d': ACT(three)}})", Facts, "two")]
    [InlineData("prefix whose matcher finds nothing", "TREE(ServerNameInput, prefix_match_map: {map: {'a': ACT(one), 'a.b': {matcher: {TREE(DestinationPortInput, exact_match_map: {map: {'80': ACT(two)}})}}}})", Facts, "one")]
    [InlineData("transport", "TREE(TransportProtocolInput, exact_match_map: {map: {raw_buffer: ACT(one), tls: ACT(two)}})", Facts, "two")]
    [InlineData("protocols", "TREE(ApplicationProtocolInput, exact_match_map: {map: {\"'h2','http/1.1'\": ACT(one)}})", Facts, "one")]
    [InlineData("no protocols", "TREE(ApplicationProtocolInput, exact_match_map: {map: {'': ACT(one)}})", "10.1.2.3:443 192.0.2.7:5555 192.0.2.7:5555 - tls -", "default")]
    [InlineData("local", "TREE(SourceTypeInput, exact_match_map: {map: {local: ACT(one)}})", "10.0.0.1:80 10.0.0.1:5 10.0.0.1:5 - raw_buffer -", "one")]
    [InlineData("loopback", "TREE(SourceTypeInput, exact_match_map: {map: {local: ACT(one)}})", "10.0.0.1:80 127.0.0.1:5 127.0.0.1:5 - raw_buffer -", "one")]
    [InlineData("not local", "TREE(SourceTypeInput, exact_match_map: {map: {local: ACT(one)}})", Facts, "default")]
    [InlineData("filter state", "TREE(FilterStateInput {key: k}, exact_match_map: {map: {v: ACT(one)}})", Facts, "one")]
    [InlineData("no filter state", "TREE(FilterStateInput {key: other}, exact_match_map: {map: {v: ACT(one)}})", Facts, "default")]
    [InlineData("on_no_match", "TREE(DestinationPortInput, exact_match_map: {map: {'80': ACT(two)}}), on_no_match: ACT(three)", Facts, "three")]
    [InlineData("on_no_match alone", "on_no_match: ACT(three)", Facts, "three")]
    [InlineData("nested", "TREE(DestinationPortInput, exact_match_map: {map: {'443': {matcher: {TREE(ServerNameInput, exact_match_map: {map: {a.b.c: ACT(one)}})}}}})", Facts, "one")]
    [InlineData("keep_matching", "TREE(DestinationPortInput, exact_match_map: {map: {'443': {keep_matching: true, action: NAME(one)}}}), on_no_match: ACT(two)", Facts, "two")]
    [InlineData("longest range", "TREE(DestinationIPInput, IP({ranges: [R(10.0.0.0, 8)], on_match: ACT(one)}, {ranges: [R(10.1.0.0, 16), R(172.16.0.0, 12)], on_match: ACT(two)}))", Facts, "two")]
    [InlineData("range whose matcher finds nothing", "TREE(DestinationIPInput, IP({ranges: [R(10.0.0.0, 8)], on_match: ACT(one)}, {ranges: [R(10.1.0.0, 16)], on_match: {matcher: {TREE(DestinationPortInput, exact_match_map: {map: {'80': ACT(two)}})}}}))", Facts, "one")]
    [InlineData("exclusive range", "TREE(DestinationIPInput, IP({ranges: [R(10.0.0.0, 8)], exclusive: true, on_match: ACT(one)}, {ranges: [R(10.1.0.0, 16)], on_match: {matcher: {TREE(DestinationPortInput, exact_match_map: {map: {'80': ACT(two)}})}}}))", Facts, "default")]
    [InlineData("exclusive range alone", "TREE(DestinationIPInput, IP({ranges: [R(10.0.0.0, 8)], exclusive: true, on_match: ACT(one)}))", Facts, "one")]
    [InlineData("range of all", "TREE(SourceIPInput, IP({ranges: [R(0.0.0.0, 0)], on_match: ACT(one)}))", Facts, "one")]
    [InlineData("range of the other family", "TREE(SourceIPInput, IP({ranges: [R('::', 0)], on_match: ACT(one)}))", Facts, "default")]
    [InlineData("exact domain", "TREE(ServerNameInput, DOMAINS({domains: ['*'], on_match: ACT(one)}, {domains: ['*.c'], on_match: ACT(two)}, {domains: [A.b.C], on_match: ACT(three)}))", Facts, "three")]
    [InlineData("wildcard domain", "TREE(ServerNameInput, DOMAINS({domains: ['*'], on_match: ACT(one)}, {domains: ['*.c'], on_match: ACT(two)}, {domains: ['*.b.c'], on_match: ACT(three)}))", Facts, "three")]
    [InlineData("any domain", "TREE(ServerNameInput, DOMAINS({domains: ['*'], on_match: ACT(one)}, {domains: ['*.d'], on_match: ACT(two)}))", Facts, "one")]
    [InlineData("no name", "TREE(ServerNameInput, DOMAINS({domains: ['*'], on_match: ACT(one)}))", "10.1.2.3:443 192.0.2.7:5555 192.0.2.7:5555 - tls -", "default")]
    [InlineData("list", "LIST({predicate: P(DestinationPortInput, {exact: '80'}), on_match: ACT(one)}, {predicate: P(ServerNameInput, {suffix: .C, ignore_case: true}), on_match: ACT(two)})", Facts, "two")]
    [InlineData("regex", "LIST({predicate: P(ServerNameInput, {safe_regex: {regex: 'a\\..*'}}), on_match: ACT(one)})", Facts, "one")]
    [InlineData("contains", "LIST({predicate: P(ApplicationProtocolInput, {contains: \"'http/1.1'\"}), on_match: ACT(one)})", Facts, "one")]
    [InlineData("and", "LIST({predicate: {and_matcher: {predicate: [P(DestinationPortInput, {exact: '443'}), P(TransportProtocolInput, {exact: raw_buffer})]}}, on_match: ACT(one)})", Facts, "default")]
    [InlineData("or", "LIST({predicate: {or_matcher: {predicate: [P(DestinationPortInput, {exact: '80'}), P(TransportProtocolInput, {prefix: t})]}}, on_match: ACT(one)})", Facts, "one")]
    [InlineData("not", "LIST({predicate: {not_matcher: P(DestinationPortInput, {exact: '80'})}, on_match: ACT(one)})", Facts, "one")]
    [InlineData("list goes on after a matcher that finds nothing", "LIST({predicate: P(DestinationPortInput, {exact: '443'}), on_match: {matcher: {TREE(SourcePortInput, exact_match_map: {map: {'1': ACT(one)}})}}}, {predicate: P(ServerNameInput, {exact: a.b.c}), on_match: ACT(two)})", Facts, "two")]
    [InlineData("name without a chain", "on_no_match: ACT(four)", Facts, null)]
    public void Connection_FindsItsChain(string label, string tree, string facts, string? chain)
    {
        _ = label;
        FilterChainTree compiled = FilterChainTree.Compile(
            Parse(tree), new[] { "one", "two", "three" }.ToDictionary(name => name, Chain), "filter_chain_matcher");
        Assert.Equal(chain, compiled.Find(Info(facts), Chain("default"))?.Name);
    }

    [Fact]
    public void List_WithRanges_MatchesAddresses()
    {
        // message Ip { repeated CidrRange cidr_ranges = 1; string stat_prefix = 2; }
        byte[] range = new CidrRange { AddressPrefix = "192.0.2.0", PrefixLen = 24 }.ToByteArray();
        byte[] ip = [0x0a, (byte)range.Length, .. range, 0x12, 1, (byte)'p'];
        Matcher matcher = Parse("LIST({predicate: P(SourceIPInput, {exact: x}), on_match: ACT(one)})");
        Matcher.Types.MatcherList.Types.Predicate.Types.SinglePredicate single = matcher.MatcherList.Matchers[0].Predicate.SinglePredicate;
        single.CustomMatch = new global::Xds.Core.V3.TypedExtensionConfig
        {
            Name = "ip",
            TypedConfig = new Any { TypeUrl = "type.googleapis.com/envoy.extensions.matching.input_matchers.ip.v3.Ip", Value = ByteString.CopyFrom(ip) },
        };
        FilterChainTree tree = FilterChainTree.Compile(matcher, new() { ["one"] = Chain("one") }, "m");
        Assert.Equal("one", tree.Find(Info(Facts), null)?.Name);
        Assert.Null(tree.Find(Info("10.0.0.1:1 10.0.0.2:2 10.0.0.2:2 - tls -"), null));
    }

    [Theory]
    [InlineData("{}", "m: neither matcher_list nor matcher_tree is set")]
    [InlineData("{matcher_list: {}}", "m.matcher_list.matchers: it has no matcher")]
    [InlineData("{matcher_tree: {exact_match_map: {map: {a: {action: {}}}}}}", "m.matcher_tree.input: it is not set")]
    [InlineData("TREE(DestinationPortInput, exact_match_map: {})", "m.matcher_tree.exact_match_map.map: it has no entry")]
    [InlineData("TREE(DestinationPortInput, exact_match_map: {map: {a: {}}})", "m.matcher_tree.exact_match_map.map['a']: neither matcher nor action is set")]
    [InlineData("TREE(DestinationPortInput, exact_match_map: {map: {a: {action: {name: x, typed_config: {'@type': type.googleapis.com/google.protobuf.Empty}}}}})", "map['a'].action.typed_config: action 'x' has type 'google.protobuf.Empty'")]
    [InlineData("TREE(DestinationPortInput, exact_match_map: {map: {a: ACT('')}})", "map['a'].action.typed_config: it names no filter chain")]
    [InlineData("TREE(DynamicMetadataInput, exact_match_map: {map: {a: ACT(one)}})", "m.matcher_tree.input.typed_config: input 'in' has type 'envoy.extensions.matching.common_inputs.network.v3.DynamicMetadataInput'")]
    [InlineData("TREE(FilterStateInput, exact_match_map: {map: {a: ACT(one)}})", "m.matcher_tree.input.typed_config.key: it names no object")]
    [InlineData("TREE(DestinationPortInput, IP({ranges: [R(10.0.0.0, 8)], on_match: ACT(one)}))", "m.matcher_tree.custom_match.typed_config: addresses are matched, and the input is none")]
    [InlineData("TREE(SourceIPInput, IP({ranges: [R(ten, 8)], on_match: ACT(one)}))", "range_matchers[0].ranges[0].address_prefix: 'ten' is not an IP address")]
    [InlineData("TREE(ServerNameInput, DOMAINS({domains: [a.*], on_match: ACT(one)}))", "domain_matchers[0].domains[0]: 'a.*' is neither a name")]
    [InlineData("TREE(ServerNameInput, DOMAINS({domains: [a, A], on_match: ACT(one)}))", "domain_matchers[0].domains[1]: 'a' stands here twice")]
    [InlineData("LIST({on_match: ACT(one)})", "m.matcher_list.matchers[0].predicate: the predicate is not set")]
    [InlineData("LIST({predicate: P(ServerNameInput, {safe_regex: {regex: '('}}), on_match: ACT(one)})", "single_predicate.value_match.safe_regex.regex: ")]
    [InlineData("LIST({predicate: {and_matcher: {}}, on_match: ACT(one)})", "predicate.and_matcher.predicate: it has no predicate")]
    public void Matcher_ThatIsWrong_IsRefusedByItsField(string tree, string problem)
    {
        ConfigRejectedException e = Assert.Throws<ConfigRejectedException>(() => FilterChainTree.Compile(Parse(tree), [], "m"));
        Assert.Contains(problem, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Listener_ChoosesByItsTree_AndCountsNamesWithoutAChain() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        ListenSocket one = TestPeers.Greeter(loop, "one");
        ListenSocket two = TestPeers.Greeter(loop, "two");
        fixture.Apply(TransportFixture.StaticCluster("one", one.LocalAddress), TransportFixture.StaticCluster("two", two.LocalAddress));
        SocketStream probe = SocketStream.Create(loop);
        Listener listener = TransportFixture.TcpListener("l", "one");
        listener.StatPrefix = "l";
        FilterChain fallback = TransportFixture.TcpListener("l", "two").FilterChains[0];
        listener.FilterChains[0].Name = "one";
        listener.DefaultFilterChain = fallback;
        listener.FilterChainMatcher = Parse("LIST({predicate: P(SourceIPInput, {exact: 127.0.0.2}), on_match: ACT(one)}, {predicate: P(SourceIPInput, {exact: 127.0.0.3}), on_match: ACT(gone)})");
        Assert.Empty(fixture.Apply(listener));

        Assert.Equal(("one", "", "two"), (await AskAsync("127.0.0.2"), await AskAsync("127.0.0.3"), await AskAsync("127.0.0.4")));
        Assert.Equal(1, fixture.Counter("listener.l.no_filter_chain_match"));

        // Only the tree changes: chains and their connections stay, names mean something else.
        SocketStream kept = await ConnectAsync("127.0.0.2");
        listener.FilterChainMatcher = Parse("LIST({predicate: P(SourceIPInput, {exact: 127.0.0.3}), on_match: ACT(one)})");
        Assert.Empty(fixture.Apply(listener));
        Assert.Equal(("two", "one"), (await AskAsync("127.0.0.2"), await AskAsync("127.0.0.3")));
        Assert.Equal("one", await TestPeers.ReceiveTextAsync(kept, 3));
        kept.Close();
        probe.Close();

        async Task<SocketStream> ConnectAsync(string from)
        {
            SocketStream client = SocketStream.Create(loop, new SocketStreamOptions { Source = NetAddress.Parse(from + ":0") });
            Assert.Equal(IoError.None, await client.ConnectAsync(fixture.AddressOf("l")));
            return client;
        }

        async Task<string> AskAsync(string from)
        {
            SocketStream client = await ConnectAsync(from);
            string text = await TestPeers.ReceiveTextAsync(client, 3);
            client.Close();
            return text;
        }
    });

    [Fact]
    public void Listener_WithATree_NeedsChainsWithNamesOfTheirOwn() => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        Listener listener = TransportFixture.TcpListener("l", "c");
        listener.FilterChains[0].Name = "";
        listener.FilterChainMatcher = Parse("on_no_match: ACT(one)");
        Assert.Equal("filter_chains[0].name: a filter chain needs a name where filter_chain_matcher is set", Refused());
        listener.FilterChains[0].Name = "one";
        listener.FilterChains.Add(listener.FilterChains[0].Clone());
        Assert.StartsWith("filter_chains[1].name: another filter chain has the name 'one'", Refused(), StringComparison.Ordinal);
        listener.FilterChains[1].Name = "two";
        listener.FilterChains[1].FilterChainMatch = new FilterChainMatch { TransportProtocol = "tls" };
        Assert.Equal("filter_chains[1].filter_chain_match: it has no effect beside filter_chain_matcher", Refused());
        listener.FilterChains[1].FilterChainMatch = new FilterChainMatch();
        Assert.Empty(fixture.Apply(listener));
        return Task.CompletedTask;

        string Refused() => Assert.Single(fixture.Apply(listener)).Reason;
    });

    private static FilterChainModel Chain(string name) => new(1, null, []) { Name = name, Filters = [], Terminal = null! };

    private static ConnectionInfo Info(string facts)
    {
        string[] parts = facts.Split(' ');
        var info = new ConnectionInfo
        {
            LocalAddress = NetAddress.Parse(parts[0]),
            RemoteAddress = NetAddress.Parse(parts[1]),
            DirectRemoteAddress = NetAddress.Parse(parts[2]),
            RequestedServerName = parts[3] == "-" ? null : parts[3],
            TransportProtocol = parts[4],
            ApplicationProtocols = parts[5] == "-" ? [] : parts[5].Split(','),
        };
        info.EnsureFilterState().Set("k", new Plain());
        return info;
    }

    /// <summary>Writes out the shorthand: TREE(Input, ...), LIST(...), P(Input, value), IP(...), DOMAINS(...), R(address, length), ACT(name).</summary>
    private static Matcher Parse(string text)
    {
        text = Expand(text, "TREE", inner =>
        {
            (string input, string rest) = Split(inner);
            return $"matcher_tree: {{input: {Input(input)}, {rest}}}";
        });
        text = Expand(text, "LIST", inner => $"matcher_list: {{matchers: [{inner}]}}");
        text = Expand(text, "P", inner =>
        {
            (string input, string rest) = Split(inner);
            return $"{{single_predicate: {{input: {Input(input)}, value_match: {rest}}}}}";
        });
        text = Expand(text, "IP", inner => $"custom_match: {{name: ip, typed_config: {{'@type': type.googleapis.com/xds.type.matcher.v3.IPMatcher, range_matchers: [{inner}]}}}}");
        text = Expand(text, "DOMAINS", inner => $"custom_match: {{name: domain, typed_config: {{'@type': type.googleapis.com/xds.type.matcher.v3.ServerNameMatcher, domain_matchers: [{inner}]}}}}");
        text = Expand(text, "R", inner =>
        {
            (string address, string length) = Split(inner);
            return $"{{address_prefix: {address}, prefix_len: {length}}}";
        });
        text = Expand(text, "ACT", inner => $"{{action: NAME({inner})}}");
        text = Expand(text, "NAME", inner => $"{{name: chain, typed_config: {{'@type': type.googleapis.com/google.protobuf.StringValue, value: {inner}}}}}");
        return Messages.Parse<Matcher>(text.StartsWith('{') ? text : $"{{{text}}}");
    }

    private static string Input(string input)
    {
        string[] parts = input.Split(' ', 2);
        string more = parts.Length > 1 ? ", " + parts[1].Trim('{', '}') : "";
        return $"{{name: in, typed_config: {{'@type': type.googleapis.com/envoy.extensions.matching.common_inputs.network.v3.{parts[0]}{more}}}}}";
    }

    private static (string First, string Second) Split(string inner)
    {
        int comma = inner.IndexOf(',', StringComparison.Ordinal);
        return (inner[..comma].Trim(), inner[(comma + 1)..].Trim());
    }

    private static string Expand(string text, string word, Func<string, string> expand)
    {
        for (int from = 0; ;)
        {
            int at = text.IndexOf(word + "(", from, StringComparison.Ordinal);
            if (at < 0)
            {
                return text;
            }

            if (at > 0 && char.IsLetter(text[at - 1]))
            {
                from = at + 1;
                continue;
            }

            int depth = 0;
            int end = at + word.Length;
            bool quoted = false;
            do
            {
                char c = text[end++];
                quoted ^= c == '\'';
                depth += quoted ? 0 : c == '(' ? 1 : c == ')' ? -1 : 0;
            }
            while (depth > 0);
            string inner = text[(at + word.Length + 1)..(end - 1)];
            text = text[..at] + expand(inner) + text[end..];
        }
    }

    private sealed class Plain : IFilterStateObject
    {
        public string? PlainText => "v";

        public ulong? PoolKeyHash => null;
    }
}
