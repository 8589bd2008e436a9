namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>
/// Earliest deadline first: each entry runs again 1/weight later, so picks follow the weights and interleave.
/// Ties go to the one that waited longest. One loop only; picking allocates nothing.
/// </summary>
internal sealed class EdfScheduler
{
    private Entry[] _heap;
    private int _count;
    private double _now;
    private ulong _nextOrder;

    public EdfScheduler(int capacity) => _heap = new Entry[Math.Max(1, capacity)];

    public int Count => _count;

    public void Add(int item, double weight)
    {
        if (_count == _heap.Length)
        {
            Array.Resize(ref _heap, _count * 2);
        }

        _heap[_count] = new Entry(_now + (1 / weight), _nextOrder++, item);
        SiftUp(_count++);
    }

    /// <summary>The next item, left at the top: the caller reinserts it with <see cref="Reinsert"/> and its current weight.</summary>
    public int Peek()
    {
        _now = _heap[0].Deadline;
        return _heap[0].Item;
    }

    public void Reinsert(double weight)
    {
        _heap[0] = new Entry(_now + (1 / weight), _nextOrder++, _heap[0].Item);
        SiftDown(0);
    }

    private void SiftUp(int index)
    {
        Entry entry = _heap[index];
        while (index > 0)
        {
            int parent = (index - 1) / 2;
            if (!entry.IsBefore(_heap[parent]))
            {
                break;
            }

            _heap[index] = _heap[parent];
            index = parent;
        }

        _heap[index] = entry;
    }

    private void SiftDown(int index)
    {
        Entry entry = _heap[index];
        while (true)
        {
            int child = (2 * index) + 1;
            if (child >= _count)
            {
                break;
            }

            if (child + 1 < _count && _heap[child + 1].IsBefore(_heap[child]))
            {
                child++;
            }

            if (!_heap[child].IsBefore(entry))
            {
                break;
            }

            _heap[index] = _heap[child];
            index = child;
        }

        _heap[index] = entry;
    }

    private readonly record struct Entry(double Deadline, ulong Order, int Item)
    {
        public bool IsBefore(in Entry other) =>
            Deadline < other.Deadline || (Deadline == other.Deadline && Order < other.Order);
    }
}
