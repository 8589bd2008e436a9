namespace Pilotfish.Runtime.Loops;

/// <summary>
/// Callbacks from any thread to one loop, in order. Producers push onto a lock-free stack; the loop takes the whole stack with
/// one exchange and reverses it. Nodes are not reused, so there is no ABA problem: a push only ever compares with the node it read.
/// </summary>
internal sealed class PostQueue
{
    // Any thread, atomically.
    private Node? _head;

    // Loop only: what was taken and did not fit the turn.
    private Node? _taken;

    internal bool IsEmpty => _taken is null && Volatile.Read(ref _head) is null;

    internal void Push(Action<object?> callback, object? state)
    {
        var node = new Node(callback, state);
        Node? seen;
        do
        {
            seen = Volatile.Read(ref _head);
            node.Next = seen;
        }
        while (Interlocked.CompareExchange(ref _head, node, seen) != seen);
    }

    internal bool TryTake(out Action<object?> callback, out object? state)
    {
        Node? node = _taken ??= TakeAllInOrder();
        if (node is null)
        {
            (callback, state) = (null!, null);
            return false;
        }

        _taken = node.Next;
        (callback, state) = (node.Callback, node.State);
        return true;
    }

    private Node? TakeAllInOrder()
    {
        Node? node = Interlocked.Exchange(ref _head, null);
        Node? ordered = null;
        while (node is not null)
        {
            Node? next = node.Next;
            node.Next = ordered;
            ordered = node;
            node = next;
        }

        return ordered;
    }

    private sealed class Node(Action<object?> callback, object? state)
    {
        internal readonly Action<object?> Callback = callback;
        internal readonly object? State = state;
        internal Node? Next;
    }
}
