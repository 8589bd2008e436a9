using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Runtime.Buffers;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Filters.DirectResponse;

/// <summary>Sends the same bytes to every client and closes.</summary>
internal sealed class DirectResponseFilter(byte[] response) : TerminalNetworkFilter
{
    /// <summary>
    /// How long a client has that still sends when it was answered: closing with unread bytes would make the kernel reset the connection, and with
    /// it take what has not arrived yet. As long as the connection manager gives its clients.
    /// </summary>
    internal const int CloseMilliseconds = 1000;

    private static readonly EndReason s_answered = new(
        EndCause.DirectResponse, EndSide.Proxy, ResponseDetails.DirectResponse, default, "The filter direct_response answered.");

    // async void: an exception here is a bug and must end the loop, not vanish in a task.
    public override async void Start(DownstreamConnection connection)
    {
        IByteStream stream = connection.Stream;
        if (response.Length == 0 || (await stream.SendAsync(response)).IsOk)
        {
            stream.ShutdownSend();
            var timer = new LoopTimer(stream.Loop, static state => ((IByteStream)state!).Close(), stream);
            timer.Schedule(CloseMilliseconds);
            await DiscardAsync(stream);
            timer.Cancel();
        }

        stream.Close();
        connection.Finished(s_answered);
    }

    private static async ValueTask DiscardAsync(IByteStream stream)
    {
        while ((await stream.ReceiveAsync(Memory<byte>.Empty)).IsOk)
        {
            PooledBuffer buffer = stream.Loop.Buffers.Rent(BufferPool.LargeBytes);
            IoResult received = stream.TryReceive(buffer.Span);
            buffer.Return();
            if (!received.IsWouldBlock && (!received.IsOk || received.IsEnd))
            {
                return;
            }

            await stream.Loop.YieldAsync();
        }
    }
}
