namespace Pilotfish.Proxy.Stats;

/// <summary>
/// `upstream_rq_completed`, `upstream_rq_Nxx` and `upstream_rq_CODE` under one prefix of a scope. Names are made when the first response has
/// them; any worker.
/// </summary>
/// <param name="scope">Where the names begin.</param>
/// <param name="prefix">What they have before `upstream_rq_`, with its last dot; empty for none.</param>
public sealed class StatusCounters(StatScope scope, string prefix = "")
{
    private const int StatusMin = 100;
    private const int StatusMax = 600;

    // Slots of the first table: an upstream answers with two or three codes. It doubles when half full, so 500 codes end at 1,024.
    private const int FirstSlots = 4;

    private readonly Lock _lock = new();
    private readonly Counter _completed = scope.Counter(prefix + "upstream_rq_completed");

    // By status, open addressing. Replaced whole, under the lock: readers see one table or the next.
    private volatile Code?[] _codes = new Code?[FirstSlots];
    private int _count;

    /// <summary>Counts a response of 100 to 599.</summary>
    public void Count(StatCells cells, int status)
    {
        if (status is < StatusMin or >= StatusMax)
        {
            return;
        }

        cells.Add(_completed);
        Code code = Find(_codes, status) ?? Make(status);
        cells.Add(code.Class);
        cells.Add(code.Own);
    }

    /// <summary>Counts a response of which nothing else is to be told.</summary>
    public void CountCompleted(StatCells cells) => cells.Add(_completed);

    private static Code? Find(Code?[] codes, int status)
    {
        int mask = codes.Length - 1;
        for (int slot = status & mask; codes[slot] is { } code; slot = (slot + 1) & mask)
        {
            if (code.Status == status)
            {
                return code;
            }
        }

        return null;
    }

    private Code Make(int status)
    {
        lock (_lock)
        {
            if (Find(_codes, status) is { } known)
            {
                return known;
            }

            var code = new Code(status, scope.Counter($"{prefix}upstream_rq_{status / 100}xx"), scope.Counter($"{prefix}upstream_rq_{status}"));
            var codes = new Code?[++_count * 2 > _codes.Length ? _codes.Length * 2 : _codes.Length];
            foreach (Code? kept in _codes)
            {
                if (kept is not null)
                {
                    Put(codes, kept);
                }
            }

            Put(codes, code);
            _codes = codes;
            return code;
        }
    }

    private static void Put(Code?[] codes, Code code)
    {
        int mask = codes.Length - 1;
        int slot = code.Status & mask;
        while (codes[slot] is not null)
        {
            slot = (slot + 1) & mask;
        }

        codes[slot] = code;
    }

    private sealed record Code(int Status, Counter Class, Counter Own);
}
