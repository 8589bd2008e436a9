using Pilotfish.Proxy.Network;
using Pilotfish.Runtime.Buffers;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Filters.Echo;

/// <summary>Sends back what comes, and its end. A client that does not read is not read from.</summary>
internal sealed class EchoFilter : TerminalNetworkFilter
{
    // async void: an exception here is a bug and must end the loop, not vanish in a task.
    public override async void Start(DownstreamConnection connection)
    {
        IByteStream stream = connection.Stream;
        bool isWhole = false;
        while (!isWhole && (await stream.ReceiveAsync(Memory<byte>.Empty)).IsOk)
        {
            PooledBuffer buffer = stream.Loop.Buffers.Rent(BufferPool.LargeBytes);
            IoResult received = stream.TryReceive(buffer.Span);
            isWhole = received is { IsOk: true, IsEnd: true };
            bool goesOn = received.IsWouldBlock || (received.IsOk && !isWhole && (await stream.SendAsync(buffer.Memory[..received.Bytes])).IsOk);
            buffer.Return();
            if (!goesOn)
            {
                break;
            }

            await stream.Loop.YieldAsync();
        }

        stream.Close();
        connection.Finished(isWhole ? NetworkEndReasons.TcpCompleted : NetworkEndReasons.DownstreamReset);
    }
}
