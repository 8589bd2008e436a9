using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Listeners;

/// <summary>Which options which socket of a listener gets, and when: seen by the kernel's refusal of options that it does not take there and then.</summary>
public sealed class ListenerSocketTests
{
    // No protocol has this level.
    private const int NoLevel = 4711;

    // ipv6(7): may be set until the socket is bound.
    private const int IPv6 = 41;
    private const int IPv6Only = 26;

    [Theory]
    [InlineData(SocketOption.Types.SocketState.StatePrebind, true)]
    [InlineData(SocketOption.Types.SocketState.StateBound, false)]
    [InlineData(SocketOption.Types.SocketState.StateListening, false)]
    public void State_IsWhenTheOptionIsSet(SocketOption.Types.SocketState state, bool works) =>
        Check(works, "[::1]:0", new SocketOption { Level = IPv6, Name = IPv6Only, IntValue = 1, State = state });

    [Theory]
    [InlineData("127.0.0.1:0", SocketOption.Types.SocketIpVersion.Ipv6, true)]
    [InlineData("127.0.0.1:0", SocketOption.Types.SocketIpVersion.Ipv4, false)]
    [InlineData("127.0.0.1:0", SocketOption.Types.SocketIpVersion.Unspecified, false)]
    [InlineData("[::1]:0", SocketOption.Types.SocketIpVersion.Ipv4, true)]
    [InlineData("[::1]:0", SocketOption.Types.SocketIpVersion.Ipv6, false)]
    public void IpVersion_IsWhatTheOptionIsFor(string address, SocketOption.Types.SocketIpVersion version, bool works) =>
        Check(works, address, new SocketOption { Level = NoLevel, Name = 1, IntValue = 1, IpVersion = version });

    [Theory]
    [InlineData(false, true, true)]
    [InlineData(true, false, false)]
    [InlineData(true, true, false)]
    [InlineData(false, false, false)]
    public void Type_OfDatagrams_IsNotForStreams(bool stream, bool datagram, bool works) => Check(works, "127.0.0.1:0", new SocketOption
    {
        Level = NoLevel,
        Name = 1,
        IntValue = 1,
        Type = new SocketOption.Types.SocketType { Stream = stream ? new() : null, Datagram = datagram ? new() : null },
    });

    [Fact]
    public void Options_OfAnAdditionalAddress_ReplaceTheListeners() => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        Listener listener = TransportFixture.TcpListener("l", "c");
        listener.AdditionalAddresses.Add(new AdditionalAddress { Address = TransportFixture.Socket(NetAddress.Loopback(0)) });
        var bad = new SocketOption { Level = NoLevel, Name = 1, IntValue = 1 };
        listener.AdditionalAddresses[0].SocketOptions = new SocketOptionsOverride { SocketOptions = { bad } };
        Assert.Contains("cannot bind", Assert.Single(fixture.Apply(listener)).Reason, StringComparison.Ordinal);

        // An override with nothing in it is none of the listener's, and the first address keeps those.
        listener.AdditionalAddresses[0].SocketOptions = new SocketOptionsOverride();
        bad.IpVersion = SocketOption.Types.SocketIpVersion.Ipv6;
        listener.SocketOptions.Add(bad);
        listener.AdditionalAddresses[0].Address = TransportFixture.Socket(NetAddress.Parse("[::1]:0"));
        Assert.Empty(fixture.Apply(listener));

        listener.AdditionalAddresses[0].SocketOptions = null;
        Assert.Contains("[::1]", Assert.Single(fixture.Apply(listener)).Reason, StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Fact]
    public void Update_WithTheSameOptions_KeepsTheSocket() => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        Listener listener = TransportFixture.TcpListener("l", "c");
        listener.SocketOptions.Add(new SocketOption { Level = 1, Name = 9, BufValue = Google.Protobuf.ByteString.CopyFrom(1, 0, 0, 0) });
        Assert.Empty(fixture.Apply(listener));
        NetAddress address = fixture.AddressOf("l");

        listener.TrafficDirection = TrafficDirection.Outbound;
        Assert.Empty(fixture.Apply(listener));
        Assert.Equal(address, fixture.AddressOf("l"));
        return Task.CompletedTask;
    });

    [Fact]
    public void Option_WithoutValueOrOfAnUnknownState_IsRefusedByField() => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        Listener listener = TransportFixture.TcpListener("l", "c");
        listener.SocketOptions.Add(new SocketOption { Level = 1, Name = 9 });
        Assert.Contains("socket_options[0]", Assert.Single(fixture.Apply(listener)).Reason, StringComparison.Ordinal);
        listener.SocketOptions[0].IntValue = 1;
        listener.SocketOptions[0].State = (SocketOption.Types.SocketState)7;
        Assert.Contains("socket_options[0].state", Assert.Single(fixture.Apply(listener)).Reason, StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Fact]
    public void Keepalive_OfZero_IsNone()
    {
        Assert.NotNull(ProtoValues.KeepAlive(new TcpKeepalive()));
        Assert.Null(ProtoValues.KeepAlive(new TcpKeepalive { KeepaliveProbes = 0 }));
        Assert.Null(ProtoValues.KeepAlive(new TcpKeepalive { KeepaliveTime = 0, KeepaliveInterval = 5 }));
        Assert.Null(ProtoValues.KeepAlive(new TcpKeepalive { KeepaliveInterval = 0 }));
    }

    private static void Check(bool works, string address, SocketOption option) => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        Listener listener = TransportFixture.TcpListener("l", "c", NetAddress.Parse(address));
        listener.SocketOptions.Add(option);
        List<RejectedResource> rejected = fixture.Apply(listener);
        Assert.Equal(works, rejected.Count == 0);
        if (!works)
        {
            Assert.Contains("cannot bind", rejected[0].Reason, StringComparison.Ordinal);
        }

        return Task.CompletedTask;
    });
}
