using System.Reflection;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Tests.Serving;

/// <summary>
/// Which properties of which generated message the data plane's code calls, read from its instructions: a property of the same name on another
/// message does not count. What <see cref="UnheededFields"/> itself reads is left out.
/// </summary>
internal static class FieldReads
{
    private static readonly Dictionary<short, OpCode> s_opCodes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(static field => (OpCode)field.GetValue(null)!).ToDictionary(static code => code.Value);

    /// <summary>Names such as `Envoy.Config.Route.V3.RouteAction+Types+HashPolicy.Header`.</summary>
    public static HashSet<string> Find()
    {
        var calls = new HashSet<string>(StringComparer.Ordinal);
        using FileStream file = File.OpenRead(typeof(UnheededFields).Assembly.Location);
        using var image = new PEReader(file);
        MetadataReader metadata = image.GetMetadataReader();
        foreach (MethodDefinitionHandle handle in metadata.MethodDefinitions)
        {
            MethodDefinition method = metadata.GetMethodDefinition(handle);
            if (method.RelativeVirtualAddress != 0 && !NameOf(metadata, method.GetDeclaringType()).StartsWith(typeof(UnheededFields).FullName!, StringComparison.Ordinal))
            {
                Collect(image.GetMethodBody(method.RelativeVirtualAddress).GetILBytes()!, metadata, calls);
            }
        }

        return calls;
    }

    private static void Collect(byte[] code, MetadataReader metadata, HashSet<string> calls)
    {
        int at = 0;
        while (at < code.Length)
        {
            short value = code[at++];
            if (value == 0xFE)
            {
                value = unchecked((short)(0xFE00 | code[at++]));
            }

            OpCode opCode = s_opCodes[value];
            if (opCode.OperandType == OperandType.InlineMethod
                && MetadataTokens.EntityHandle(BitConverter.ToInt32(code, at)) is { Kind: HandleKind.MemberReference } handle)
            {
                MemberReference member = metadata.GetMemberReference((MemberReferenceHandle)handle);
                string name = metadata.GetString(member.Name);
                if (member.Parent.Kind == HandleKind.TypeReference && name.StartsWith("get_", StringComparison.Ordinal))
                {
                    calls.Add($"{NameOf(metadata, (TypeReferenceHandle)member.Parent)}.{name["get_".Length..]}");
                }
            }

            at += OperandBytes(opCode, code, at);
        }
    }

    private static int OperandBytes(OpCode opCode, byte[] code, int at) => opCode.OperandType switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(code, at)),
        _ => 4,
    };

    private static string NameOf(MetadataReader metadata, TypeReferenceHandle handle)
    {
        TypeReference type = metadata.GetTypeReference(handle);
        string name = metadata.GetString(type.Name);
        return type.ResolutionScope.Kind == HandleKind.TypeReference
            ? $"{NameOf(metadata, (TypeReferenceHandle)type.ResolutionScope)}+{name}"
            : $"{metadata.GetString(type.Namespace)}.{name}";
    }

    private static string NameOf(MetadataReader metadata, TypeDefinitionHandle handle)
    {
        TypeDefinition type = metadata.GetTypeDefinition(handle);
        string name = metadata.GetString(type.Name);
        return type.GetDeclaringType() is { IsNil: false } outer
            ? $"{NameOf(metadata, outer)}+{name}"
            : $"{metadata.GetString(type.Namespace)}.{name}";
    }
}
