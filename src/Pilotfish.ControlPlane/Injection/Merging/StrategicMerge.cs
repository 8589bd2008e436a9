using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Shapes;

namespace Pilotfish.ControlPlane.Injection.Merging;

/// <summary>Kubernetes' strategic merge patch: mappings merge, lists with a merge key merge item by item, other lists are
/// replaced, null deletes. The directives $patch, $retainKeys and $deleteFromPrimitiveList are obeyed.</summary>
internal static class StrategicMerge
{
    private const string PatchDirective = "$patch";
    private const string RetainKeysDirective = "$retainKeys";
    private const string DeleteFromListPrefix = "$deleteFromPrimitiveList/";
    private const string ElementOrderPrefix = "$setElementOrder/";

    /// <summary>A new mapping: the patch laid over the original, of which nothing is changed.</summary>
    public static YamlMapping Apply(YamlMapping original, YamlMapping patch, StructShape? shape)
    {
        switch (patch.Text(PatchDirective))
        {
            case "replace":
                return WithoutDirectives(patch);
            case "delete":
                return new YamlMapping();
            case null or "merge":
                break;
            case var unknown:
                throw new InjectionException($"unknown value '{unknown}' of $patch; use replace, merge or delete.");
        }

        var result = (YamlMapping)original.Clone();
        RetainKeys(result, patch);
        foreach (var entry in patch.Entries)
        {
            if (entry.Key.StartsWith(DeleteFromListPrefix, StringComparison.Ordinal))
            {
                DeletePrimitives(result, entry.Key[DeleteFromListPrefix.Length..], entry.Value);
            }
            else if (!entry.Key.StartsWith('$'))
            {
                ApplyEntry(result, entry, shape);
            }
        }

        return result;
    }

    private static void ApplyEntry(YamlMapping result, YamlEntry entry, StructShape? shape)
    {
        if (entry.Value.IsNull)
        {
            result.Remove(entry.Key);
            return;
        }

        var field = shape?.Find(entry.Key);
        switch (result[entry.Key], entry.Value)
        {
            case (YamlMapping original, YamlMapping patch):
                result[entry.Key] = Apply(original, patch, StructOf(field?.Type, shape));
                break;
            case (YamlSequence original, YamlSequence patch) when field is { MergesItems: true }:
                result[entry.Key] = field.MergeKey.Length == 0
                    ? MergePrimitives(original, patch)
                    : MergeItems(original, patch, field, StructOf(field.Type.Element, shape));
                break;
            default:
                result[entry.Key] = WithoutDirectives(entry.Value);
                break;
        }
    }

    private static StructShape? StructOf(ValueShape? type, StructShape? parent) =>
        type is { Kind: ValueKind.Struct } ? parent!.Catalog[type.StructName] : null;

    private static void RetainKeys(YamlMapping result, YamlMapping patch)
    {
        if (patch.Sequence(RetainKeysDirective) is not { } kept)
        {
            return;
        }

        var names = kept.Items.OfType<YamlScalar>().Select(item => item.Text).ToHashSet(StringComparer.Ordinal);
        foreach (var key in result.Entries.Select(entry => entry.Key).Where(key => !names.Contains(key)).ToList())
        {
            result.Remove(key);
        }
    }

    private static void DeletePrimitives(YamlMapping result, string key, YamlNode values)
    {
        if (result.Sequence(key) is { } list && values is YamlSequence deleted)
        {
            list.Items.RemoveAll(item => deleted.Items.Exists(item.ContentEquals));
        }
    }

    private static YamlSequence MergePrimitives(YamlSequence original, YamlSequence patch)
    {
        var added = patch.Items.Where(item => !original.Items.Exists(item.ContentEquals));
        return Ordered([.. original.Items, .. added], patch.Items, original.Items, (a, b) => a.ContentEquals(b));
    }

    private static YamlSequence MergeItems(
        YamlSequence original, YamlSequence patch, FieldShape field, StructShape? shape)
    {
        if (patch.Items.Exists(item => item is YamlMapping { Count: 1 } single && single.Text(PatchDirective) == "replace"))
        {
            return new YamlSequence(patch.Items.Where(item => !IsDirective(item)).Select(item => WithoutDirectives(item)));
        }

        var merged = original.Items.ToList();
        var patched = new List<YamlNode>();
        foreach (var item in patch.Items)
        {
            var key = KeyOf(item, field) ?? throw new InjectionException(
                $"an item of '{field.Name}' lacks '{field.MergeKey}', which a patch needs to find its counterpart.");
            var at = merged.FindIndex(existing => KeyOf(existing, field)?.ContentEquals(key) == true);
            if (((YamlMapping)item).Text(PatchDirective) == "delete")
            {
                merged.RemoveAll(existing => KeyOf(existing, field)?.ContentEquals(key) == true);
                continue;
            }

            patched.Add(item);
            if (at >= 0)
            {
                merged[at] = Apply((YamlMapping)merged[at], (YamlMapping)item, shape);
            }
            else
            {
                merged.Add(WithoutDirectives(item));
            }
        }

        return Ordered(merged, patched, original.Items, (a, b) =>
            KeyOf(a, field) is { } left && KeyOf(b, field) is { } right && left.ContentEquals(right));
    }

    private static YamlNode? KeyOf(YamlNode item, FieldShape field) => (item as YamlMapping)?[field.MergeKey];

    private static bool IsDirective(YamlNode item) =>
        item is YamlMapping mapping && mapping.Entries.All(entry => entry.Key.StartsWith('$'));

    /// <summary>The items of the patch keep the patch's order, the others that of the original. The two are interleaved so
    /// that an item of the original comes first only where the original had it before that item of the patch.</summary>
    private static YamlSequence Ordered(
        List<YamlNode> merged, IReadOnlyList<YamlNode> patchOrder, List<YamlNode> originalOrder,
        Func<YamlNode, YamlNode, bool> isSame)
    {
        int IndexIn(IReadOnlyList<YamlNode> order, YamlNode item)
        {
            for (var i = 0; i < order.Count; i++)
            {
                if (isSame(order[i], item))
                {
                    return i;
                }
            }

            return -1;
        }

        var fromPatch = merged.Where(item => IndexIn(patchOrder, item) >= 0)
            .OrderBy(item => IndexIn(patchOrder, item)).ToList();
        var others = merged.Where(item => IndexIn(patchOrder, item) < 0).ToList();
        var result = new YamlSequence();
        var (left, right) = (0, 0);
        while (left < others.Count || right < fromPatch.Count)
        {
            var takesOther = right >= fromPatch.Count;
            if (left < others.Count && right < fromPatch.Count)
            {
                var rightPlace = IndexIn(originalOrder, fromPatch[right]);
                takesOther = rightPlace >= 0 && IndexIn(originalOrder, others[left]) < rightPlace;
            }

            result.Items.Add(takesOther ? others[left++] : fromPatch[right++]);
        }

        return result;
    }

    private static YamlMapping WithoutDirectives(YamlMapping mapping) => (YamlMapping)WithoutDirectives((YamlNode)mapping);

    /// <summary>A copy of a value that only the patch has: its nulls delete nothing and its directives have done their part.</summary>
    private static YamlNode WithoutDirectives(YamlNode node)
    {
        switch (node)
        {
            case YamlMapping mapping:
                var copy = new YamlMapping(mapping.Position);
                foreach (var entry in mapping.Entries)
                {
                    var isDirective = entry.Key is PatchDirective or RetainKeysDirective
                        || entry.Key.StartsWith(DeleteFromListPrefix, StringComparison.Ordinal)
                        || entry.Key.StartsWith(ElementOrderPrefix, StringComparison.Ordinal);
                    if (!isDirective && !entry.Value.IsNull)
                    {
                        copy[entry.Key] = WithoutDirectives(entry.Value);
                    }
                }

                return copy;
            case YamlSequence sequence:
                return new YamlSequence(sequence.Items.Where(item => !item.IsNull).Select(item => WithoutDirectives(item)));
            default:
                return node.Clone();
        }
    }
}
