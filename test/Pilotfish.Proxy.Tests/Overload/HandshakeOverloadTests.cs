using Envoy.Config.Listener.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Overload;
using Pilotfish.Proxy.Tests.Tls;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Overload;

/// <summary>TRANSPORT_SOCKET_CONNECT: how long a handshake may take under pressure.</summary>
public sealed class HandshakeOverloadTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Handshake_IsGivenUpSooner(bool pressed)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var bench = new TlsBench(loop);
            OverloadState overload = bench.Fixture.Context.Overload;
            overload.SetTimer(ScaledTimerType.TransportSocketConnect, new TimerScale(1000, 0));
            FilterChain chain = TlsMessages.Chain("t", "c", TlsBench.Mutual());
            chain.TransportSocketConnectTimeout = Duration.FromTimeSpan(TimeSpan.FromHours(1));
            SocketStream silent = await TestPeers.ConnectAsync(loop, bench.Apply(TlsMessages.Listener("l", chain)));
            await TestPeers.UntilAsync(loop, () => bench.Fixture.Gauge("listener.l.downstream_cx_active") == 1);
            overload.ReduceTimeouts.Set(pressed ? 1 : 0);
            for (int i = 0; i < 100; i++)
            {
                clock.AdvanceMilliseconds(50);
                await loop.YieldAsync();
            }

            Assert.Equal(pressed ? 1 : 0, bench.Stat("l", "downstream_cx_transport_socket_connect_timeout"));
            silent.Close();
        });
    }
}
