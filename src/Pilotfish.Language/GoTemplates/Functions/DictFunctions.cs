namespace Pilotfish.Language.GoTemplates.Functions;

/// <summary>Sprig's functions on maps. `set`, `unset` and the merges change their first map, as Sprig's do.</summary>
internal static class DictFunctions
{
    /// <summary>Levels that merge and deepCopy descend; values files nest fewer than ten.</summary>
    private const int DepthMax = 100;

    public static void AddTo(GoFunctionSet set)
    {
        set.AddVariadic("dict", 0, Create);
        set.Add("get", 2, a => a.Map(0).TryGetValue(a.Text(1), out var value) ? value : GoValue.From(""));
        set.Add("set", 3, a =>
        {
            a.Map(0)[a.Text(1)] = a[2];
            return a[0];
        });
        set.Add("unset", 2, a =>
        {
            a.Map(0).Remove(a.Text(1));
            return a[0];
        });
        set.Add("hasKey", 2, a => GoValue.From(a.Map(0).ContainsKey(a.Text(1))));
        set.AddVariadic("pluck", 1, a => GoValue.From(
            Enumerable.Range(1, a.Count - 1).Where(i => a.Map(i).ContainsKey(a.Text(0))).Select(i => a.Map(i)[a.Text(0)]).ToArray()));
        set.AddVariadic("keys", 0, a => Arguments.FromTexts(Enumerable.Range(0, a.Count).SelectMany(i => a.Map(i).Keys)));
        set.Add("values", 1, a => GoValue.From(a.Map(0).Entries.Select(entry => entry.Value).ToArray()));
        set.AddVariadic("pick", 1, a => Select(a, keep: true));
        set.AddVariadic("omit", 1, a => Select(a, keep: false));
        foreach (var prefix in new[] { "merge", "mustMerge" })
        {
            set.AddVariadic(prefix, 1, a => Merge(a, overwrites: false));
            set.AddVariadic(prefix + "Overwrite", 1, a => Merge(a, overwrites: true));
        }

        set.Add("deepCopy", 1, a => DeepCopy(a[0], 0));
        set.AddAlias("mustDeepCopy", "deepCopy");
        set.AddVariadic("dig", 3, Dig);
    }

    private static GoValue Create(IReadOnlyList<GoValue> arguments)
    {
        var map = new GoMap();
        for (var i = 0; i < arguments.Count; i += 2)
        {
            map[arguments.AnyText(i)] = i + 1 < arguments.Count ? arguments[i + 1] : GoValue.From("");
        }

        return GoValue.From(map);
    }

    private static GoValue Select(IReadOnlyList<GoValue> arguments, bool keep)
    {
        var source = arguments.Map(0);
        var names = Enumerable.Range(1, arguments.Count - 1).Select(arguments.Text).ToHashSet(StringComparer.Ordinal);
        var result = new GoMap(source.HasStringValues);
        foreach (var (key, value) in source.Entries)
        {
            if (names.Contains(key) == keep)
            {
                result[key] = value;
            }
        }

        return GoValue.From(result);
    }

    private static GoValue Merge(IReadOnlyList<GoValue> arguments, bool overwrites)
    {
        var target = arguments.Map(0);
        for (var i = 1; i < arguments.Count; i++)
        {
            MergeInto(target, arguments.Map(i), overwrites, 0);
        }

        return arguments[0];
    }

    private static void MergeInto(GoMap target, GoMap source, bool overwrites, int depth)
    {
        CheckDepth(depth);
        foreach (var (key, value) in source.Entries.ToList())
        {
            if (target.TryGetValue(key, out var existing) && existing.Kind == GoKind.Map && value.Kind == GoKind.Map)
            {
                MergeInto(existing.AsMap, value.AsMap, overwrites, depth + 1);
            }
            else if (Arguments.IsEmpty(existing) || (overwrites && !Arguments.IsEmpty(value)))
            {
                target[key] = value;
            }
        }
    }

    private static GoValue DeepCopy(GoValue value, int depth)
    {
        CheckDepth(depth);
        if (value.Kind == GoKind.List)
        {
            return GoValue.From(value.AsList.Select(item => DeepCopy(item, depth + 1)).ToArray());
        }

        if (value.Kind != GoKind.Map)
        {
            return value;
        }

        var copy = new GoMap(value.AsMap.HasStringValues);
        foreach (var (key, item) in value.AsMap.Entries)
        {
            copy[key] = DeepCopy(item, depth + 1);
        }

        return GoValue.From(copy);
    }

    /// <summary>`dig "a" "b" default map`: the value at a path, or the default.</summary>
    private static GoValue Dig(IReadOnlyList<GoValue> arguments)
    {
        var value = arguments[^1];
        for (var i = 0; i < arguments.Count - 2; i++)
        {
            if (value.Kind != GoKind.Map || !value.AsMap.TryGetValue(arguments.Text(i), out value))
            {
                return arguments[^2];
            }
        }

        return value;
    }

    private static void CheckDepth(int depth)
    {
        if (depth > DepthMax)
        {
            throw new GoFunctionException($"maps are nested more than {DepthMax} deep");
        }
    }
}
