namespace Pilotfish.Language.GoTemplates.Functions;

/// <summary>Sprig's functions on lists; every one returns a new list.</summary>
internal static class ListFunctions
{
    public static void AddTo(GoFunctionSet set)
    {
        set.AddVariadic("list", 0, a => GoValue.From(a.ToArray()));
        set.AddAlias("tuple", "list");
        AddWithMust(set, "append", 2, a => GoValue.From([.. a.List(0), a[1]]));
        set.AddAlias("push", "append");
        set.AddAlias("mustPush", "mustAppend");
        AddWithMust(set, "prepend", 2, a => GoValue.From([a[1], .. a.List(0)]));
        AddWithMust(set, "first", 1, a => a.List(0) is { Count: > 0 } list ? list[0] : GoValue.Nil);
        AddWithMust(set, "last", 1, a => a.List(0) is { Count: > 0 } list ? list[^1] : GoValue.Nil);
        AddWithMust(set, "rest", 1, a => GoValue.From(a.List(0).Skip(1).ToArray()));
        AddWithMust(set, "initial", 1, a => GoValue.From(a.List(0).SkipLast(1).ToArray()));
        AddWithMust(set, "reverse", 1, a => GoValue.From(a.List(0).Reverse().ToArray()));
        AddWithMust(set, "uniq", 1, a => GoValue.From(a.List(0).Distinct().ToArray()));
        AddWithMust(set, "compact", 1, a => GoValue.From(a.List(0).Where(v => !Arguments.IsEmpty(v)).ToArray()));
        AddWithMust(set, "has", 2, a => GoValue.From(a.List(1).Contains(a[0])));
        AddWithMust(set, "without", 1, int.MaxValue, a => GoValue.From(a.List(0).Except(a.Skip(1)).ToArray()));
        AddWithMust(set, "slice", 1, 3, a => Slice(a));
        set.AddVariadic("concat", 0, a => GoValue.From(Enumerable.Range(0, a.Count).SelectMany(i => a.List(i)).ToArray()));
        AddWithMust(set, "chunk", 2, a => GoValue.From(
            a.List(1).Chunk(Math.Max(a.Count(0), 1)).Select(part => GoValue.From(part)).ToArray()));
    }

    private static void AddWithMust(GoFunctionSet set, string name, int count, GoFunction function) =>
        AddWithMust(set, name, count, count, function);

    private static void AddWithMust(GoFunctionSet set, string name, int min, int max, GoFunction function)
    {
        set.Add(name, min, max, function);
        set.Add("must" + char.ToUpperInvariant(name[0]) + name[1..], min, max, function);
    }

    private static GoValue Slice(IReadOnlyList<GoValue> arguments)
    {
        var list = arguments.List(0);
        var start = arguments.Count > 1 ? arguments.Count(1) : 0;
        var end = arguments.Count > 2 ? arguments.Count(2) : list.Count;
        return start >= 0 && start <= end && end <= list.Count
            ? GoValue.From(list.Skip(start).Take(end - start).ToArray())
            : throw new GoFunctionException($"slice bounds out of range [{start}:{end}] with length {list.Count}");
    }
}
