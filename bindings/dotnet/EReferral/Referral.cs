using System.Collections.Generic;

namespace EReferral
{
    /// <summary>A referral as it stood when this was asked.</summary>
    public sealed class Referral
    {
        private readonly Engine engine;

        internal Referral(Engine engine, string json)
        {
            this.engine = engine;
            Json = json;
            Id = JsonText.Member(json, "referral_id");
        }

        /// <summary>The library's id, the same in every event of the referral. Keep it beside the patient's record.</summary>
        public string Id { get; }

        /// <summary>The referral as a JSON object (docs/schema/referral.json).</summary>
        public string Json { get; }

        /// <summary>How it stands now.</summary>
        public Referral Refresh() => engine.FindReferral("", Id);

        /// <summary>What was said of it, in and out, newest first, at most so many messages, each a JSON object
        /// (docs/schema/history.json).</summary>
        public IReadOnlyList<string> History(int limit) => engine.History(Id, limit);

        /// <summary>Gives it another identifier, for example the program's own number for it.</summary>
        public void Link(string system, string value) => engine.LinkReferral(Id, system, value);

        /// <summary>Says where an unlinked referral belongs: the id of the referral it is part of, of the launch it came of, or its own
        /// id where it stands by itself.</summary>
        public void Settle(string to) => engine.SettleReferral(Id, to);
    }
}
