namespace Pilotfish.Proxy.Http2;

/// <summary>The streams of one connection by id, the ones that can be used again, and the ids that we reset lately.</summary>
internal sealed class StreamTable<T>
    where T : Http2Stream
{
    private readonly Dictionary<int, T> _streams = new();
    private readonly Stack<T> _free = new();
    private int[]? _resets;
    private int _nextReset;

    public int Count => _streams.Count;

    public T? Find(int id) => _streams.GetValueOrDefault(id);

    public T? TakeFree() => _free.TryPop(out T? stream) ? stream : null;

    public void Add(T stream) => _streams.Add(stream.Id, stream);

    /// <summary>Takes it out and gives its buffers back; the object may be used again at once.</summary>
    public bool Remove(T stream)
    {
        if (!_streams.Remove(stream.Id))
        {
            return false;
        }

        stream.Close();

        // One that still stands in the output's queue is dropped by it later; until then it must not be another stream.
        if (!stream.IsQueued && _free.Count < Http2Limits.FreeStreamsMax)
        {
            _free.Push(stream);
        }

        return true;
    }

    public void RememberReset(int id)
    {
        _resets ??= new int[Http2Limits.ResetMemory];
        _resets[_nextReset] = id;
        _nextReset = (_nextReset + 1) % _resets.Length;
    }

    public bool WasReset(int id) => _resets is not null && Array.IndexOf(_resets, id) >= 0;

    /// <summary>A copy, for walks during which streams end.</summary>
    public T[] Snapshot() => [.. _streams.Values];

    public Dictionary<int, T>.ValueCollection All => _streams.Values;
}
