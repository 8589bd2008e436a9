using Pilotfish.Proxy.Clusters;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Health;

/// <summary>A connection that comes about, and the bytes that answer when some are expected.</summary>
internal sealed class TcpProbe(WorkerCluster cluster, Host host, HealthCheckPolicy policy) : HealthProbe(cluster, host, policy)
{
    public override async ValueTask<ProbeResult> CheckAsync()
    {
        if (await ConnectAsync() is not { } stream)
        {
            return ProbeResult.Network;
        }

        if (!Policy.Sent.IsEmpty && !(await stream.SendAsync(Policy.Sent)).IsOk)
        {
            Abort();
            return ProbeResult.Network;
        }

        if (Policy.Expected.Count == 0)
        {
            // Without a dialogue a kept connection would prove nothing about the listener.
            Abort();
            return ProbeResult.Healthy;
        }

        byte[] buffer = new byte[Policy.ResponseBytes];
        int count = 0;
        while (!HasExpected(buffer.AsSpan(0, count)))
        {
            // A chatty host: the last half is enough to find a part that began in it.
            if (count == buffer.Length)
            {
                int half = buffer.Length / 2;
                buffer.AsSpan(half).CopyTo(buffer);
                count -= half;
            }

            IoResult result = await stream.ReceiveAsync(buffer.AsMemory(count));
            if (!result.IsOk || result.IsEnd)
            {
                Abort();
                return ProbeResult.Network;
            }

            count += result.Bytes;
        }

        if (!Policy.ReusesConnection)
        {
            Abort();
        }

        return ProbeResult.Healthy;
    }
}
