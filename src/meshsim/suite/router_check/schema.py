"""The fields of a RouteConfiguration and of all messages inside it, as the descriptors of Envoy 1.40 list them.

One text a message, its fields in the order of their numbers, each `name:kind`. Kinds: s text, y bytes, b and B boolean
(B may be absent), u U l L whole numbers of 32 and 64 bits, d number, D duration, m map, T a message that is not looked
into; else an enum or another message. After the kind: `*` a list, `+` not empty, `!` required, `^` refused as
deprecated; `@group` one of a oneof, of which `@group!` must be set.
"""

from __future__ import annotations

MESSAGES = {
    "RouteConfiguration": """
        name:s virtual_hosts:VirtualHost* internal_only_headers:s* response_headers_to_add:HeaderValueOption*
        response_headers_to_remove:s* request_headers_to_add:HeaderValueOption* validate_clusters:B
        request_headers_to_remove:s* vhds:Vhds most_specific_header_mutations_wins:b
        max_direct_response_body_size_bytes:U cluster_specifier_plugins:ClusterSpecifierPlugin*
        request_mirror_policies:RequestMirrorPolicy* ignore_port_in_host_matching:b
        ignore_path_parameters_in_path_matching:b typed_per_filter_config:m metadata:Metadata vhost_header:s
        route_specifiers:TypedExtensionConfig*
    """,
    "VirtualHost": """
        name:s+ domains:s*+ routes:Route* require_tls:TlsRequirementType virtual_clusters:VirtualCluster*
        rate_limits:RateLimit* request_headers_to_add:HeaderValueOption* cors:CorsPolicy
        response_headers_to_add:HeaderValueOption* response_headers_to_remove:s* request_headers_to_remove:s*
        include_request_attempt_count:b typed_per_filter_config:m retry_policy:RetryPolicy hedge_policy:HedgePolicy
        per_request_buffer_limit_bytes:U include_attempt_count_in_response:b retry_policy_typed_config:T matcher:T
        request_mirror_policies:RequestMirrorPolicy* include_is_timeout_retry_header:b metadata:Metadata
        request_body_buffer_limit:L route_specifiers:TypedExtensionConfig*
    """,
    "Route": """
        match:RouteMatch! route:RouteAction@action! redirect:RedirectAction@action! metadata:Metadata
        decorator:Decorator direct_response:DirectResponseAction@action! request_headers_to_add:HeaderValueOption*
        response_headers_to_add:HeaderValueOption* response_headers_to_remove:s* request_headers_to_remove:s*
        typed_per_filter_config:m name:s tracing:Tracing per_request_buffer_limit_bytes:U
        filter_action:FilterAction@action! non_forwarding_action:NonForwardingAction@action! stat_prefix:s
        request_body_buffer_limit:L route_specifiers:TypedExtensionConfig*
    """,
    "RouteMatch": """
        prefix:s@path_specifier! path:s@path_specifier! case_sensitive:B headers:HeaderMatcher*
        query_parameters:QueryParameterMatcher* grpc:GrpcRouteMatchOptions runtime_fraction:RuntimeFractionalPercent
        safe_regex:RegexMatcher!@path_specifier! tls_context:TlsContextMatchOptions
        connect_matcher:ConnectMatcher@path_specifier! dynamic_metadata:MetadataMatcher*
        path_separated_prefix:s@path_specifier! path_match_policy:TypedExtensionConfig@path_specifier!
        filter_state:FilterStateMatcher* cookies:CookieMatcher*
    """,
    "HeaderMatcher": """
        name:s+ exact_match:s@header_match_specifier range_match:Int64Range@header_match_specifier
        present_match:b@header_match_specifier invert_match:b prefix_match:s+@header_match_specifier
        suffix_match:s+@header_match_specifier safe_regex_match:RegexMatcher@header_match_specifier
        contains_match:s+@header_match_specifier string_match:StringMatcher@header_match_specifier
        treat_missing_header_as_empty:b
    """,
    "Int64Range": "start:l end:l",
    "RegexMatcher": "google_re2:GoogleRE2@engine_type regex:s+",
    "GoogleRE2": "max_program_size:U",
    "StringMatcher": """
        exact:s@match_pattern! prefix:s+@match_pattern! suffix:s+@match_pattern!
        safe_regex:RegexMatcher!@match_pattern! ignore_case:b contains:s+@match_pattern! custom:T@match_pattern!
    """,
    "QueryParameterMatcher": """
        name:s+ string_match:StringMatcher!@query_parameter_match_specifier
        present_match:b@query_parameter_match_specifier
    """,
    "GrpcRouteMatchOptions": "",
    "RuntimeFractionalPercent": "default_value:FractionalPercent! runtime_key:s",
    "FractionalPercent": "numerator:u denominator:DenominatorType",
    "TlsContextMatchOptions": "presented:B validated:B",
    "ConnectMatcher": "",
    "MetadataMatcher": "filter:s+ path:MetadataMatcher.PathSegment*+ value:ValueMatcher! invert:b",
    "MetadataMatcher.PathSegment": "key:s+@segment!",
    "ValueMatcher": """
        null_match:NullMatch@match_pattern! double_match:DoubleMatcher@match_pattern!
        string_match:StringMatcher@match_pattern! bool_match:b@match_pattern! present_match:b@match_pattern!
        list_match:ListMatcher@match_pattern! or_match:OrMatcher@match_pattern!
    """,
    "NullMatch": "",
    "DoubleMatcher": "range:DoubleRange@match_pattern! exact:d@match_pattern!",
    "DoubleRange": "start:d end:d",
    "ListMatcher": "one_of:ValueMatcher@match_pattern!",
    "OrMatcher": "value_matchers:ValueMatcher*+",
    "TypedExtensionConfig": "name:s+ typed_config:T!",
    "FilterStateMatcher": "key:s+ string_match:StringMatcher@matcher! address_match:AddressMatcher@matcher!",
    "AddressMatcher": "ranges:T* invert_match:b",
    "CookieMatcher": "name:s+ string_match:StringMatcher! invert_match:b",
    "RouteAction": """
        cluster:s+@cluster_specifier! cluster_header:s+@cluster_specifier!
        weighted_clusters:WeightedCluster@cluster_specifier! metadata_match:Metadata prefix_rewrite:s
        host_rewrite_literal:s@host_rewrite_specifier auto_host_rewrite:B@host_rewrite_specifier timeout:D
        retry_policy:RetryPolicy priority:RoutingPriority rate_limits:RateLimit* include_vh_rate_limits:B
        hash_policy:HashPolicy* cors:CorsPolicy cluster_not_found_response_code:ClusterNotFoundResponseCode
        max_grpc_timeout:D idle_timeout:D upgrade_configs:UpgradeConfig*
        internal_redirect_action:InternalRedirectAction hedge_policy:HedgePolicy grpc_timeout_offset:D
        host_rewrite_header:s@host_rewrite_specifier request_mirror_policies:RequestMirrorPolicy*
        max_internal_redirects:U regex_rewrite:RegexMatchAndSubstitute retry_policy_typed_config:T
        internal_redirect_policy:InternalRedirectPolicy
        host_rewrite_path_regex:RegexMatchAndSubstitute@host_rewrite_specifier max_stream_duration:MaxStreamDuration
        cluster_specifier_plugin:s@cluster_specifier! append_x_forwarded_host:b
        inline_cluster_specifier_plugin:ClusterSpecifierPlugin@cluster_specifier!
        early_data_policy:TypedExtensionConfig path_rewrite_policy:TypedExtensionConfig flush_timeout:D
        host_rewrite:s@host_rewrite_specifier path_rewrite:s
    """,
    "WeightedCluster": """
        clusters:ClusterWeight*+ runtime_key_prefix:s total_weight:U header_name:s@random_value_specifier
        use_hash_policy:B@random_value_specifier
    """,
    "ClusterWeight": """
        name:s weight:U metadata_match:Metadata request_headers_to_add:HeaderValueOption*
        response_headers_to_add:HeaderValueOption* response_headers_to_remove:s* request_headers_to_remove:s*
        typed_per_filter_config:m host_rewrite_literal:s@host_rewrite_specifier cluster_header:s
    """,
    "Metadata": "filter_metadata:m typed_filter_metadata:m",
    "HeaderValueOption": "header:HeaderValue! append:B append_action:HeaderAppendAction keep_empty_value:b",
    "HeaderValue": "key:s+ value:s raw_value:y",
    "RetryPolicy": """
        retry_on:s num_retries:U per_try_timeout:D retry_priority:RetryPriority
        retry_host_predicate:RetryHostPredicate* host_selection_retry_max_attempts:l retriable_status_codes:u*
        retry_back_off:RetryBackOff retriable_headers:HeaderMatcher* retriable_request_headers:HeaderMatcher*
        rate_limited_retry_back_off:RateLimitedRetryBackOff retry_options_predicates:TypedExtensionConfig*
        per_try_idle_timeout:D refresh_cluster_on_retry:b
    """,
    "RetryPriority": "name:s+ typed_config:T@config_type",
    "RetryHostPredicate": "name:s+ typed_config:T@config_type",
    "RetryBackOff": "base_interval:D max_interval:D",
    "RateLimitedRetryBackOff": "reset_headers:ResetHeader*+ max_interval:D",
    "ResetHeader": "name:s+ format:ResetHeaderFormat",
    "RateLimit": """
        stage:U disable_key:s actions:Action*+ limit:Override hits_addend:HitsAddend apply_on_stream_done:b
        x_ratelimit_option:XRateLimitOption
    """,
    "Action": """
        source_cluster:SourceCluster@action_specifier! destination_cluster:DestinationCluster@action_specifier!
        request_headers:RequestHeaders@action_specifier! remote_address:RemoteAddress@action_specifier!
        generic_key:GenericKey@action_specifier! header_value_match:HeaderValueMatch@action_specifier!
        dynamic_metadata:DynamicMetaData^@action_specifier! metadata:MetaData@action_specifier!
        extension:TypedExtensionConfig@action_specifier! masked_remote_address:MaskedRemoteAddress@action_specifier!
        query_parameter_value_match:QueryParameterValueMatch@action_specifier!
        query_parameters:QueryParameters@action_specifier! remote_address_match:RemoteAddressMatch@action_specifier!
    """,
    "SourceCluster": "",
    "DestinationCluster": "",
    "RequestHeaders": "header_name:s+ descriptor_key:s+ skip_if_absent:b",
    "RemoteAddress": "",
    "GenericKey": "descriptor_value:s+ descriptor_key:s default_value:s",
    "HeaderValueMatch": """
        descriptor_value:s+ expect_match:B headers:HeaderMatcher*+ descriptor_key:s default_value:s
    """,
    "DynamicMetaData": "descriptor_key:s+ metadata_key:MetadataKey! default_value:s",
    "MetadataKey": "key:s+ path:MetadataKey.PathSegment*+",
    "MetadataKey.PathSegment": "key:s+@segment! index:u@segment!",
    "MetaData": "descriptor_key:s+ metadata_key:MetadataKey! default_value:s source:Source skip_if_absent:b",
    "MaskedRemoteAddress": "v4_prefix_mask_len:U v6_prefix_mask_len:U",
    "QueryParameterValueMatch": """
        descriptor_value:s+ expect_match:B query_parameters:QueryParameterMatcher*+ descriptor_key:s default_value:s
    """,
    "QueryParameters": "query_parameter_name:s+ descriptor_key:s+ skip_if_absent:b",
    "RemoteAddressMatch": """
        descriptor_value:s+ descriptor_key:s default_value:s address_matcher:AddressMatcher!
    """,
    "Override": """
        dynamic_metadata:DynamicMetadata@override_specifier! rate_limit:RateLimitOverride@override_specifier!
    """,
    "DynamicMetadata": "metadata_key:MetadataKey!",
    "RateLimitOverride": "requests_per_unit:u unit:RateLimitUnit",
    "HitsAddend": "number:L format:s is_negative_hits:b",
    "HashPolicy": """
        header:HashPolicy.Header@policy_specifier! cookie:Cookie@policy_specifier!
        connection_properties:ConnectionProperties@policy_specifier! terminal:b
        query_parameter:QueryParameter@policy_specifier! filter_state:FilterState@policy_specifier!
    """,
    "HashPolicy.Header": "header_name:s+ regex_rewrite:RegexMatchAndSubstitute",
    "RegexMatchAndSubstitute": "pattern:RegexMatcher! substitution:s",
    "Cookie": "name:s+ ttl:D path:s attributes:CookieAttribute*",
    "CookieAttribute": "name:s+ value:s",
    "ConnectionProperties": "source_ip:b",
    "QueryParameter": "name:s+",
    "FilterState": "key:s+",
    "CorsPolicy": """
        allow_methods:s allow_headers:s expose_headers:s max_age:s allow_credentials:B
        filter_enabled:RuntimeFractionalPercent@enabled_specifier shadow_enabled:RuntimeFractionalPercent
        allow_origin_string_match:StringMatcher* allow_private_network_access:B forward_not_matching_preflights:B
    """,
    "UpgradeConfig": "upgrade_type:s+ enabled:B connect_config:ConnectConfig",
    "ConnectConfig": "proxy_protocol_config:ProxyProtocolConfig allow_post:b",
    "ProxyProtocolConfig": """
        version:Version pass_through_tlvs:ProxyProtocolPassThroughTLVs added_tlvs:TlvEntry*
    """,
    "ProxyProtocolPassThroughTLVs": "match_type:PassTLVsMatchType tlv_type:u*",
    "TlvEntry": "type:u value:y format_string:SubstitutionFormatString",
    "SubstitutionFormatString": """
        text_format:s@format! json_format:T!@format! omit_empty_values:b content_type:s
        text_format_source:DataSource@format! formatters:TypedExtensionConfig* json_format_options:JsonFormatOptions
    """,
    "DataSource": """
        filename:s+@specifier! inline_bytes:y@specifier! inline_string:s@specifier!
        environment_variable:s+@specifier! watched_directory:WatchedDirectory
    """,
    "WatchedDirectory": "path:s+ watch_modify:b",
    "JsonFormatOptions": "sort_properties:b",
    "HedgePolicy": """
        initial_requests:U additional_request_chance:FractionalPercent hedge_on_per_try_timeout:b
    """,
    "RequestMirrorPolicy": """
        cluster:s runtime_fraction:RuntimeFractionalPercent trace_sampled:B cluster_header:s
        disable_shadow_host_suffix_append:b request_headers_mutations:HeaderMutation* host_rewrite_literal:s
    """,
    "HeaderMutation": """
        remove:s@action! append:HeaderValueOption@action! remove_on_match:RemoveOnMatch@action!
    """,
    "RemoveOnMatch": "key_matcher:StringMatcher!",
    "InternalRedirectPolicy": """
        max_internal_redirects:U redirect_response_codes:u* predicates:TypedExtensionConfig*
        allow_cross_scheme_redirect:b response_headers_to_copy:s*
    """,
    "MaxStreamDuration": "max_stream_duration:D grpc_timeout_header_max:D grpc_timeout_header_offset:D",
    "ClusterSpecifierPlugin": "extension:TypedExtensionConfig! is_optional:b",
    "RedirectAction": """
        host_redirect:s path_redirect:s@path_rewrite_specifier response_code:RedirectResponseCode
        https_redirect:b@scheme_rewrite_specifier prefix_rewrite:s@path_rewrite_specifier strip_query:b
        scheme_redirect:s@scheme_rewrite_specifier port_redirect:u
        regex_rewrite:RegexMatchAndSubstitute@path_rewrite_specifier path_rewrite:s@path_rewrite_specifier
    """,
    "Decorator": "operation:s+ propagate:B",
    "DirectResponseAction": "status:u body:DataSource body_format:SubstitutionFormatString",
    "Tracing": """
        client_sampling:FractionalPercent random_sampling:FractionalPercent overall_sampling:FractionalPercent
        custom_tags:CustomTag* operation:s upstream_operation:s
    """,
    "CustomTag": """
        tag:s+ literal:Literal@type! environment:Environment@type! request_header:CustomTag.Header@type!
        metadata:CustomTag.Metadata@type! value:s@type! value_type:ValueType
    """,
    "Literal": "value:s+",
    "Environment": "name:s+ default_value:s",
    "CustomTag.Header": "name:s+ default_value:s",
    "CustomTag.Metadata": "kind:MetadataKind metadata_key:MetadataKey default_value:s",
    "MetadataKind": """
        request:Request@kind! route:MetadataKind.Route@kind! cluster:Cluster@kind! host:Host@kind!
    """,
    "Request": "",
    "MetadataKind.Route": "",
    "Cluster": "",
    "Host": "",
    "FilterAction": "action:T",
    "NonForwardingAction": "",
    "VirtualCluster": "name:s+ headers:HeaderMatcher*",
    "Vhds": "config_source:T!",
}
ENUMS = {
    "TlsRequirementType": ("NONE", "EXTERNAL_ONLY", "ALL"),
    "DenominatorType": ("HUNDRED", "TEN_THOUSAND", "MILLION"),
    "RoutingPriority": ("DEFAULT", "HIGH"),
    "ClusterNotFoundResponseCode": ("SERVICE_UNAVAILABLE", "NOT_FOUND", "INTERNAL_SERVER_ERROR"),
    "InternalRedirectAction": ("PASS_THROUGH_INTERNAL_REDIRECT", "HANDLE_INTERNAL_REDIRECT"),
    "HeaderAppendAction": (
        "APPEND_IF_EXISTS_OR_ADD",
        "ADD_IF_ABSENT",
        "OVERWRITE_IF_EXISTS_OR_ADD",
        "OVERWRITE_IF_EXISTS",
    ),
    "ResetHeaderFormat": ("SECONDS", "UNIX_TIMESTAMP"),
    "XRateLimitOption": ("UNSPECIFIED", "OFF", "DRAFT_VERSION_03"),
    "Source": ("DYNAMIC", "ROUTE_ENTRY", "CLUSTER_ENTRY", "CLUSTER_LOCALITY_ENTRY"),
    "RateLimitUnit": ("UNKNOWN", "SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR", "WEEK"),
    "Version": ("V1", "V2"),
    "PassTLVsMatchType": ("INCLUDE_ALL", "INCLUDE"),
    "RedirectResponseCode": (
        "MOVED_PERMANENTLY",
        "FOUND",
        "SEE_OTHER",
        "TEMPORARY_REDIRECT",
        "PERMANENT_REDIRECT",
    ),
    "ValueType": ("UNSPECIFIED", "STRING", "INT", "DOUBLE", "BOOL"),
}
"""Names in the order of their numbers."""
