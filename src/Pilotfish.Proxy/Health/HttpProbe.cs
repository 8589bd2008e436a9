using System.Globalization;
using System.Text;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Health;

/// <summary>One HTTP/1.1 request whose status, and body when one is expected, tell whether the host is well.</summary>
internal sealed class HttpProbe(WorkerCluster cluster, Host host, HealthCheckPolicy policy) : HealthProbe(cluster, host, policy)
{
    // A head beyond this is no answer to a health check; it also bounds what a hostile host can make us hold.
    private const int HeadBytesMax = 16 * 1024;

    private byte[]? _request;

    public override async ValueTask<ProbeResult> CheckAsync()
    {
        IsToldToExclude = false;
        if (await ConnectAsync() is not { } stream || !(await stream.SendAsync(_request ??= Request())).IsOk)
        {
            Abort();
            return ProbeResult.Network;
        }

        var answer = new HealthAnswer(Policy);
        byte[] buffer = new byte[HeadBytesMax];
        int count = 0;
        while (!answer.IsComplete)
        {
            IoResult result = await stream.ReceiveAsync(buffer.AsMemory(count));
            if (!result.IsOk || (result.IsEnd && !answer.EndsWithConnection))
            {
                Abort();
                return ProbeResult.Network;
            }

            count += result.Bytes;
            int used = answer.Read(buffer.AsSpan(0, count), atEnd: result.IsEnd);
            if (used < 0 || (used == 0 && count == buffer.Length))
            {
                Abort();
                return ProbeResult.Network;
            }

            buffer.AsSpan(used, count - used).CopyTo(buffer);
            count -= used;
        }

        // Bytes behind the answer would be taken for the next one.
        if (!Policy.ReusesConnection || !answer.KeepsAlive || count > 0)
        {
            Abort();
        }

        IsToldToExclude = answer.ExcludesHost;
        return answer.Judge(HasExpected(answer.Body));
    }

    private byte[] Request()
    {
        var headers = new HeaderMap();
        headers.Add("host"u8, Encoding.ASCII.GetBytes(HealthRequest.Authority(Policy, Host, Cluster.State.Name)));
        headers.Add("user-agent"u8, "Envoy/HC"u8);
        if (!Policy.Sent.IsEmpty)
        {
            headers.Add("content-length"u8, Encoding.ASCII.GetBytes(Policy.Sent.Length.ToString(CultureInfo.InvariantCulture)));
        }

        HealthRequest.Mutate(headers, this);
        var text = new StringBuilder().Append(Policy.Method).Append(' ').Append(Policy.Path).Append(" HTTP/1.1\r\n");
        for (int i = 0; i < headers.Count; i++)
        {
            HeaderEntry entry = headers.EntryAt(i);
            text.Append(Encoding.Latin1.GetString(entry.Name)).Append(": ").Append(Encoding.Latin1.GetString(entry.Value)).Append("\r\n");
        }

        return [.. Encoding.Latin1.GetBytes(text.Append("\r\n").ToString()), .. Policy.Sent.Span];
    }
}
