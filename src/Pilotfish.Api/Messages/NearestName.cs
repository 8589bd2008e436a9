namespace Pilotfish.Api.Messages;

/// <summary>Did you mean: the known name with the fewest edits to what was written.</summary>
public static class NearestName
{
    // Longer names are no slips of a finger, and the table below lives on the stack.
    private const int LengthMax = 200;

    /// <summary>Null where no name is near: within a third of the letters, at least one and at most four edits.</summary>
    public static string? Find(string wrong, IEnumerable<string> names)
    {
        if (wrong.Length is 0 or > LengthMax)
        {
            return null;
        }

        int bound = Math.Clamp(wrong.Length / 3, 1, 4);
        string? nearest = null;
        foreach (string name in names)
        {
            if (name.Length > LengthMax || Math.Abs(name.Length - wrong.Length) > bound)
            {
                continue;
            }

            int distance = Distance(wrong, name);
            if (distance <= bound)
            {
                nearest = name;
                bound = distance - 1;
            }
        }

        return nearest;
    }

    /// <summary>Levenshtein's distance with two rows; letters that differ in case alone cost nothing.</summary>
    private static int Distance(string left, string right)
    {
        Span<int> previous = stackalloc int[LengthMax + 1];
        Span<int> current = stackalloc int[LengthMax + 1];
        for (int j = 0; j <= right.Length; j++)
        {
            previous[j] = j;
        }

        for (int i = 1; i <= left.Length; i++)
        {
            current[0] = i;
            for (int j = 1; j <= right.Length; j++)
            {
                int change = char.ToLowerInvariant(left[i - 1]) == char.ToLowerInvariant(right[j - 1]) ? 0 : 1;
                current[j] = Math.Min(Math.Min(current[j - 1], previous[j]) + 1, previous[j - 1] + change);
            }

            Span<int> swap = previous;
            previous = current;
            current = swap;
        }

        return previous[right.Length];
    }
}
