namespace Pilotfish.Runtime.Loops;

/// <summary>Brings an await of a foreign Task (TLS certificates, gRPC) back to the loop.</summary>
internal sealed class LoopSynchronizationContext(EventLoop loop) : SynchronizationContext
{
    public override void Post(SendOrPostCallback d, object? state) => loop.Post(new Action<object?>(d), state);

    public override void Send(SendOrPostCallback d, object? state)
    {
        if (!loop.IsCurrent)
        {
            throw new InvalidOperationException($"Loop '{loop.Name}' takes no blocking calls from other threads; use Post.");
        }

        d(state);
    }

    public override SynchronizationContext CreateCopy() => this;
}
