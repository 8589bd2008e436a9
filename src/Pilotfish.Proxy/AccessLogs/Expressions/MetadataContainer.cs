using Pilotfish.Language.Cel;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.AccessLogs.Expressions;

/// <summary>Metadata as maps and lists: the namespaces, and the values below them.</summary>
internal sealed class MetadataContainer : CelContainer
{
    /// <summary>Reads a <see cref="DynamicMetadata"/>, or null for none.</summary>
    public static readonly MetadataContainer Namespaces = new();

    /// <summary>Reads a <see cref="MetadataValue"/> that is a struct or a list.</summary>
    public static readonly MetadataContainer Values = new();

    public override int Count(scoped in CelValue self, CelActivation activation) => self.Reference switch
    {
        DynamicMetadata metadata => metadata.Namespaces.Count,
        MetadataValue { Kind: MetadataKind.List } list => list.Items.Count,
        MetadataValue value => value.Fields.Count,
        _ => 0,
    };

    public override CelValue At(scoped in CelValue self, int index, CelActivation activation) =>
        Of(((MetadataValue)self.Reference!).Items[index], activation);

    public override CelValue KeyAt(scoped in CelValue self, int index, CelActivation activation) =>
        self.Reference is MetadataValue value
            ? activation.TextOf(value.Fields[index].Key)
            : CelValue.Error("the namespaces of metadata cannot be listed");

    public override bool TryGet(scoped in CelValue self, scoped in CelValue key, CelActivation activation, out CelValue value)
    {
        value = default;
        if (key.Kind != CelKind.String)
        {
            return false;
        }

        MetadataValue? found = null;
        if (self.Reference is DynamicMetadata metadata)
        {
            found = metadata.Find(key.Text);
        }
        else if (self.Reference is MetadataValue fields)
        {
            for (int i = 0; i < fields.Fields.Count && found is null; i++)
            {
                found = TextEquality.Equals(key.Text, fields.Fields[i].Key) ? fields.Fields[i].Value : null;
            }
        }

        if (found is null)
        {
            return false;
        }

        value = Of(found, activation);
        return true;
    }

    private static CelValue Of(MetadataValue value, CelActivation activation) => value.Kind switch
    {
        MetadataKind.Number => CelValue.Of(value.Number),
        MetadataKind.Text => value.Text.Length == 0 ? CelValue.OfString(default) : activation.TextOf(value.Text),
        MetadataKind.Boolean => CelValue.Of(value.Boolean),
        MetadataKind.Struct => CelValue.OfMap(Values, value),
        MetadataKind.List => CelValue.OfList(Values, value),
        _ => CelValue.Null,
    };
}
